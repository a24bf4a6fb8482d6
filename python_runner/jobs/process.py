"""The worker's side of the process that does the work: started before it is needed, replaced, killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from python_runner.errors import RunnerError, TransientError
from python_runner.jobs.names import JobRequest
from python_runner.project import PROJECT

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

FOLDERS = ("models", "macros", "seeds", "tests", "analyses", "python_runner")
FILES = ("dbt_project.yml", "profiles.yml.example")
WORK = ("-m", "python_runner.jobs.warm")
JOBS_PER_PROCESS = 500  # what a library leaks stays bounded

# The resource tracker removes the semaphores of a process that was killed, and warns of it.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker"}

Fingerprint = frozenset[tuple[str, int, int]]


def fingerprint() -> Fingerprint:
    """The times and sizes of the files that a process reads when it starts."""
    return frozenset((str(path), found.st_mtime_ns, found.st_size) for path in _files() if (found := path.stat()))


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (
            path for path in (PROJECT / folder).rglob("*") if path.suffix in {".sql", ".yml", ".csv", ".py", ".md"}
        )
    yield from filter(Path.exists, (PROJECT / name for name in FILES))


class WarmProcess:
    """Runs requests one after the other in a process that is ready before the first."""

    def __init__(self, *, as_json: bool) -> None:
        self._arguments = [*WORK, *(["--json"] if as_json else [])]
        self._process: Process | None = None
        self._read: Fingerprint = frozenset()
        self._jobs = 0

    async def start(self) -> Process:
        """The process, started if there is none, or none that has read the files as they are."""
        found = await asyncio.to_thread(fingerprint)
        if self._process and self._process.returncode is None and self._read == found and self._jobs < JOBS_PER_PROCESS:
            return self._process
        await self.kill()
        # In a session of its own, so that only the worker receives the signals of a terminal.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._arguments, stdin=PIPE, stdout=PIPE, start_new_session=True, env=os.environ | QUIET
        )
        self._read, self._jobs = found, 0
        return self._process

    async def run(self, request: JobRequest) -> None:
        """RunnerError if the job failed. The process is then replaced, so that the next job finds nothing half done."""
        process = await self.start()
        requests, outcomes = cast("StreamWriter", process.stdin), cast("StreamReader", process.stdout)
        self._jobs += 1
        try:
            requests.write(json.dumps(asdict(request)).encode() + b"\n")
            line = await outcomes.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise TransientError(f"the process of the job ended with exit code {await process.wait()}")
        if failure := json.loads(line):
            await self.kill()
            await self.start()
            raise (TransientError if failure["transient"] else RunnerError)(failure["error"])

    async def kill(self) -> None:
        """End the process at once; its transactions are undone."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None
