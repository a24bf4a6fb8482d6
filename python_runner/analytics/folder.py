"""The folder of the copy: histories of refreshes, the lock, and the rename that commits.

    history-1/refresh=1/{int_wallet_facts,…,refresh}.parquet
    history-1/refresh=2/…
    collection.duckdb

A history is complete as soon as it has its name; the one with the highest number counts. The one before it stays, for
readers that have it open.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_runner.analytics.tables import quote
from python_runner.errors import RunnerError

Engine = duckdb.DuckDBPyConnection

NUMBERED = re.compile(r"(?:history-|refresh=)([0-9]+)$")
FROM_SCRATCH = "`runner analytics sync --from-scratch` makes a new one"
MEMORY = "600MB"


@dataclass(frozen=True)
class Folder:
    """The folder in ANALYTICS_FOLDER."""

    path: Path

    @property
    def temporary(self) -> Path:
        """Where everything is written before it is renamed."""
        return self.path / ".tmp"

    @property
    def history(self) -> Path | None:
        """The current history."""
        found = _numbered(self.path)
        return self.path / f"history-{found[-1]}" if found else None

    def current(self) -> Path:
        """The current history. RunnerError if there is none."""
        if not self.history:
            raise RunnerError(f"there is no copy in {self.path}: run `runner analytics sync` first")
        return self.history

    @property
    def next_history(self) -> Path:
        """The name of a history that replaces the current one."""
        return self.path / f"history-{(_numbered(self.path) or [0])[-1] + 1}"

    @contextmanager
    def locked(self, notify: Callable[[str], None], *, create: bool = False) -> Iterator[None]:
        """Exclude other processes that write, and remove what they left unfinished. The system frees the lock.

        RunnerError if there is no copy, unless it is created.
        """
        with copy_errors(self.path):
            if create:
                self.path.mkdir(parents=True, exist_ok=True)
            else:
                self.current()
            with (self.path / ".lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    notify(f"waiting for another `runner analytics` that writes to {self.path}")
                    fcntl.flock(lock, fcntl.LOCK_EX)
                self._remove_temporary()
                try:
                    self.temporary.mkdir()
                    yield
                finally:
                    self._remove_temporary()

    def commit(self, written: Path, name: Path) -> None:
        """Rename a directory once all of it is on the disk."""
        for folder, _, files in os.walk(written):
            for file in files:
                _fsync(Path(folder, file))
            _fsync(Path(folder))
        written.rename(name)
        _fsync(name.parent)
        for number in _numbered(self.path)[:-2]:
            shutil.rmtree(self.path / f"history-{number}")

    def replace(self, written: Path, name: Path) -> None:
        """Replace a file by another one."""
        _fsync(written)
        written.replace(name)
        _fsync(name.parent)

    def _remove_temporary(self) -> None:
        if self.temporary.exists():
            shutil.rmtree(self.temporary)


def refreshes(history: Path) -> list[int]:
    """The numbers of the refreshes of a history."""
    return _numbered(history)


@contextmanager
def engine(spill: Path | None = None) -> Iterator[Engine]:
    """DuckDB, with a limit of memory; what does not fit goes to the folder `spill`, or is an error."""
    directory = str(spill) if spill else ""
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": directory}) as connection:
        connection.execute("set enable_progress_bar = false; set preserve_insertion_order = false")
        yield connection


def write_parquet(connection: Engine, query: str, file: Path) -> int:
    """Write the rows of a query to a file, and return their number."""
    row = connection.execute(f"copy ({query}) to {quote(file)} (format parquet, compression zstd)").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def copy_errors(path: Path) -> Iterator[None]:
    """Raise errors of files and of DuckDB as RunnerError, with a message of one line."""
    try:
        yield
    except duckdb.Error as error:
        raise RunnerError(f"the copy in {path}: {_one_line(error)}: if it is damaged, {FROM_SCRATCH}") from error
    except OSError as error:
        named = f" ({error.filename})" if error.filename else ""
        raise RunnerError(f"the copy in {path}: {error.strerror}{named}: check ANALYTICS_FOLDER") from error


def _numbered(folder: Path) -> list[int]:
    if not folder.exists():
        return []
    return sorted(int(found[1]) for entry in folder.iterdir() if (found := NUMBERED.match(entry.name)))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
