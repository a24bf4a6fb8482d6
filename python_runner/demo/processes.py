"""Processes that outlive the command which starts them, and end with another one. A file in the folder lists them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

STATE = "processes.json"
END_TIMEOUT_S = 10


@dataclass(frozen=True)
class Started:
    """A process; its time of creation distinguishes it from a later one with the same id."""

    name: str
    pid: int
    created: float

    def process(self) -> psutil.Process | None:
        """The process, if it runs."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 1
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def start(folder: Path, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Path:
    """Start a process with this environment only, and list it. Returns its log."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,  # no `.env` is read
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Started(name, process.pid, psutil.Process(process.pid).create_time())
    _write(folder, [*_read(folder), started])
    return log


def running(folder: Path) -> set[str]:
    """The names of the listed processes that run."""
    return {one.name for one in _read(folder) if one.process()}


def end(folder: Path) -> None:
    """End the listed processes and their children, the last one first."""
    for one in reversed(_read(folder)):
        if process := one.process():
            family = [*process.children(recursive=True), process]
            process.terminate()
            _, left = psutil.wait_procs(family, END_TIMEOUT_S)
            for stubborn in left:
                stubborn.kill()
            psutil.wait_procs(left, END_TIMEOUT_S)
    (folder / STATE).unlink(missing_ok=True)


def _read(folder: Path) -> list[Started]:
    try:
        return [Started(**one) for one in json.loads((folder / STATE).read_text())]
    except FileNotFoundError:
        return []


def _write(folder: Path, processes: list[Started]) -> None:
    unfinished = folder / f"{STATE}.partial"
    unfinished.write_text(json.dumps([asdict(one) for one in processes]))
    unfinished.replace(folder / STATE)
