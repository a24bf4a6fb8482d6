"""Where a run is."""

from __future__ import annotations

import sys
from time import perf_counter

BEGIN = perf_counter()


def say(what: str) -> None:
    """Print what begins, after the seconds since the start."""
    print(f"{perf_counter() - BEGIN:5.0f} s  {what}", file=sys.stderr, flush=True)  # noqa: T201
