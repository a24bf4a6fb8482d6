"""A process that is killed at one of its calls to the file system, and whose unsynced files lose their content."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

FORK = get_context("fork")
CALLS = (
    (Path, "mkdir"),
    (Path, "rename"),
    (Path, "replace"),
    (Path, "unlink"),
    (os, "fsync"),
    (shutil, "rmtree"),
)


def killed_at(call: int, folder: Path, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed before its n-th call; whether it was."""
    process = FORK.Process(target=_work, args=(call, folder, work))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def _work(call: int, folder: Path, work: Callable[[], object]) -> None:
    left, began, durable = [call], time.time_ns(), set[int]()

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                lose(folder, began, durable)
                os.kill(os.getpid(), signal.SIGKILL)
            if function is FSYNC:
                durable.add(os.fstat(arguments[0]).st_ino)
            return function(*arguments, **options)

        return call

    for owner, name in CALLS:
        setattr(owner, name, counted(getattr(owner, name)))
    work()


FSYNC = os.fsync


def lose(folder: Path, began: int, durable: set[int]) -> None:
    """What the disk need not have when the power fails: what was written since then, and not flushed."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_mtime_ns > began and path.stat().st_ino not in durable:
            os.truncate(path, 0)
