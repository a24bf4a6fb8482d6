"""How long the build step takes where nothing has changed: in a new process, and in one that stays, as a worker's.

`python -m benchmarks.start TURNS` builds on DATABASE_URL so often in a worker's process that has prepared itself, and
prints the seconds of each; without TURNS it builds once, as a process that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.progress import say
from python_runner import refresh
from python_runner.jobs.log import JobLog
from python_runner.jobs.warm import Warm
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings, postgres_settings

# dbt's own variable: whether it may start from what it parsed before.
PARTIAL = "DBT_PARTIAL_PARSE"
COLD, PARSED, WARM = "cold", "cold_parsed", "warm"


def compare(settings: PostgresSettings, turns: int) -> dict[str, Any]:
    """Seconds, median and all turns, of the ways to start; those of a new process from its start to its end."""
    seconds: dict[str, list[float]] = {COLD: [], PARSED: [], WARM: []}
    for way, partial in ((COLD, "false"), (PARSED, "true")):
        for _ in range(turns):
            say(f"start: {way}")
            begin = perf_counter()
            _process(settings, partial)
            seconds[way].append(round(perf_counter() - begin, 3))
    say(f"start: {WARM}")
    seconds[WARM] = json.loads(_process(settings, "true", str(turns)))
    return {way: {"seconds": median(taken), "turns": taken} for way, taken in seconds.items()}


def _process(settings: PostgresSettings, partial: str, *turns: str) -> str:
    command = [sys.executable, "-m", "benchmarks.start", *turns]
    environment = os.environ | {"DATABASE_URL": settings.conninfo, PARTIAL: partial}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    """Build."""
    log = JobLog(as_json=False)
    if not sys.argv[1:]:
        refresh.build(postgres_settings(), log)
        return
    with ExitStack() as kept:
        warm, seconds = Warm(log, kept), []
        warm.prepare()
        for _ in range(int(sys.argv[1])):
            begin = perf_counter()
            refresh.build(warm.postgres, log, parsed=warm.parsed)
            seconds.append(round(perf_counter() - begin, 3))
    print(json.dumps(seconds))  # noqa: T201


if __name__ == "__main__":
    main()
