"""The threads that read chunks, shared by the sources of a load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

from python_runner.errors import RunnerError

MAX_BYTES = 30_000_000  # in flight; arrays, their conversion and the driver's buffers take several times as much


class Task(NamedTuple):
    """Work on a chunk, and the size of the chunk."""

    run: Callable[[], None]
    bytes: int = 0


class Workers:
    """So many threads. They work on chunks of at most MAX_BYTES together; a larger chunk is worked on alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="chunks")
        self._stopped = threading.Event()
        self._free = threading.Condition()
        self._bytes = MAX_BYTES

    def run(self, tasks: Iterable[Task]) -> None:
        """Run the tasks. Returns when all have ended; the first failure stops those that have not begun."""
        pending: set[Future[None]] = set()
        try:
            for task in tasks:
                if len(pending) >= self._count:
                    pending = _without_ended(pending)
                pending.add(self._executor.submit(copy_context().run, self._run, task))
            while pending:
                pending = _without_ended(pending)
        except BaseException:
            wait([future for future in pending if not future.cancel()])
            raise

    def sleep(self, seconds: float) -> None:
        """Wait, unless `stop` is called."""
        if self._stopped.wait(seconds):
            raise RunnerError("stopped")

    def stop(self) -> None:
        """Let no further task begin, in any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Wait for the running tasks."""
        self._executor.shutdown()

    def _run(self, task: Task) -> None:
        with self._reserved(min(task.bytes, MAX_BYTES)):
            self.sleep(0)
            task.run()

    @contextmanager
    def _reserved(self, size: int) -> Iterator[None]:
        with self._free:
            self._free.wait_for(lambda: self._bytes >= size)
            self._bytes -= size
        try:
            yield
        finally:
            with self._free:
                self._bytes += size
                self._free.notify_all()


def _without_ended(pending: set[Future[None]]) -> set[Future[None]]:
    ended, rest = wait(pending, return_when=FIRST_COMPLETED)
    for future in ended:
        future.result()
    return rest
