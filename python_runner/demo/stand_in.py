"""A local stand-in for Snowflake: fakesnow's server over a folder of DuckDB files.

`python -m python_runner.demo.stand_in --data FOLDER` serves each `FOLDER/NAME.db` as database NAME on 127.0.0.1 until
it is stopped. STAND_IN_USER and STAND_IN_PASSWORD are the valid credentials. `start` runs it in a process that outlives
the caller; `stop` stops it, started by any process.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil

from python_runner.demo.sample import DATABASE, SCHEMA
from python_runner.errors import RunnerError

MODULE = "python_runner.demo.stand_in"
STATE = "stand_in.json"
LOG = "stand_in.log"
TEMPORARY = "tmp"  # fakesnow does not remove its files when it is stopped


@dataclass(frozen=True)
class StandIn:
    """A running stand-in, as described by its state file."""

    pid: int
    created: float
    port: int
    user: str
    password: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that connect the runner to this server."""
        return {
            "SNOWFLAKE_ACCOUNT": "stand_in",
            "SNOWFLAKE_USER": self.user,
            "SNOWFLAKE_PASSWORD": self.password,
            "SNOWFLAKE_DATABASE": DATABASE,
            "SNOWFLAKE_SCHEMA": SCHEMA,
            "SNOWFLAKE_WAREHOUSE": "STAND_IN",
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
        }

    @property
    def connect_args(self) -> dict[str, Any]:
        """The same settings as arguments of `snowflake.connector.connect`."""
        named = {name.removeprefix("SNOWFLAKE_").lower(): value for name, value in self.environment.items()}
        return {**named, "port": self.port, "login_timeout": 15, "network_timeout": 0}


def create_database(data: Path, database: str = DATABASE, schema: str = SCHEMA) -> None:
    """Create an empty database in the folder, for `start` to serve."""
    data.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(data / f"{database}.db")) as connection:
        connection.execute(f'create schema if not exists "{schema}"')


def start(
    data: Path, *, user: str = "demo", password: str | None = None, chunk_rows: int | None = None, timeout: float = 60
) -> StandIn:
    """Serve the databases of a folder from a new process, and wait until it accepts requests.

    `chunk_rows` is the most rows of a chunk of a result. If a stand-in already runs for this folder, it is returned
    as it is.
    """
    if found := running(data):
        return found
    data = data.resolve()
    (data / STATE).unlink(missing_ok=True)
    (data / TEMPORARY).mkdir(exist_ok=True)
    secret = password or secrets.token_urlsafe(18)
    with (data / LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                MODULE,
                "--data",
                str(data),
                *(["--chunk-rows", str(chunk_rows)] if chunk_rows else []),
            ],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "STAND_IN_USER": user, "STAND_IN_PASSWORD": secret, "TMPDIR": str(data / TEMPORARY)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        if found := running(data):
            return found
        time.sleep(0.05)
    process.kill()
    process.wait()
    last = "\n".join((data / LOG).read_text(errors="replace").splitlines()[-10:])
    raise RunnerError(f"the stand-in for Snowflake did not start; the end of its log:\n{last}")


def running(data: Path) -> StandIn | None:
    """The stand-in that serves this folder, if it runs."""
    try:
        found = StandIn(**json.loads((data / STATE).read_text()))
        return found if _process(found) else None
    except (OSError, ValueError, TypeError):
        return None


def stop(data: Path, timeout: float = 10) -> bool:
    """Stop the stand-in of this folder. False if none was running."""
    found = running(data)
    process = _process(found) if found else None
    if process is None:
        return False
    try:
        process.terminate()
        process.wait(timeout)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout)
    except psutil.NoSuchProcess:
        pass
    (data / STATE).unlink(missing_ok=True)
    return True


def _process(found: StandIn) -> psutil.Process | None:
    """The process of a state file, unless another process has reused its id."""
    try:
        process = psutil.Process(found.pid)
        same = abs(process.create_time() - found.created) < 1 and MODULE in process.cmdline()
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def main() -> None:
    """Serve until stopped. The state file appears when the server can accept requests."""
    # Imported here, because starting or stopping a stand-in does not need the server.
    import uvicorn  # noqa: PLC0415

    from python_runner.demo.stand_in_app import application  # noqa: PLC0415
    from python_runner.demo.stand_in_results import ROW_GROUP  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog=MODULE)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--chunk-rows", type=int, default=ROW_GROUP, help="rows of a chunk of a result")
    options = parser.parse_args()
    app = application(options.data, options.chunk_rows)
    listener = socket.create_server(("127.0.0.1", options.port))
    stand_in = StandIn(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        port=listener.getsockname()[1],
        user=os.environ["STAND_IN_USER"],
        password=os.environ["STAND_IN_PASSWORD"],
    )
    unfinished = options.data / f"{STATE}.partial"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(stand_in)))
    unfinished.replace(options.data / STATE)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
