"""A Postgres server for a benchmark: set up for the machine as its owner would, gone afterwards."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from python_runner.demo import embedded
from python_runner.settings import PostgresSettings

MOST_BUFFERS = 4 << 30


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server with a quarter of the memory for its buffers, on a port of 127.0.0.1 too."""
    try:
        settings = {
            "shared_buffers": f"'{min(MOST_BUFFERS, psutil.virtual_memory().total // 4) >> 20}MB'",
            "listen_addresses": "'127.0.0.1'",
            "port": str(free_port()),
        }
        with psycopg.connect(embedded.start(folder).url, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"alter system set {name} = {value}".encode())
        embedded.stop(folder)
        yield make_conninfo(embedded.start(folder).url, port=settings["port"])
    finally:
        embedded.stop(folder, remove=True)


@contextmanager
def database(server: str, name: str) -> Iterator[PostgresSettings]:
    """An empty database, dropped afterwards."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            yield PostgresSettings(  # type: ignore[call-arg]
                database_url=SecretStr(make_conninfo(server, dbname=name)), _env_file=None
            )
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
