"""Runs the API under granian."""

from __future__ import annotations

import gc
from functools import partial

from granian import Granian
from granian.constants import Interfaces, Loops
from starlette.types import ASGIApp

from python_runner.api.app import create_app

GC_THRESHOLD = (20_000, 50, 1_000)


def serve(host: str, port: int, workers: int) -> None:
    """Serve until a signal ends it. RunnerError if a worker cannot start."""
    server = Granian(
        "python_runner.api.app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        loop=Loops.auto,
        log_access=False,
        websockets=False,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=partial(_load, workers=workers))


def _load(_: str, *, workers: int) -> ASGIApp:
    app = create_app(workers)
    # What is loaded stays, and cached answers are in no cycle: looking for cycles among them stops every request.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    return app
