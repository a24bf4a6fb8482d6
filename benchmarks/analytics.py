"""The columnar copy beside Postgres: the first copy, a sync, bytes, and the questions of analyses/analytics.

`python -m benchmarks.analytics` syncs to ANALYTICS_FOLDER in a process of its own, and prints what it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
import psycopg

from benchmarks.changes import move
from benchmarks.compiled import compiled
from benchmarks.progress import say
from benchmarks.routes import peak_mib
from python_runner.analytics.query import render
from python_runner.analytics.sync import sync
from python_runner.analytics.tables import LOGS
from python_runner.analytics.views import FILE
from python_runner.postgres.pool import Connection
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings, analytics_settings
from python_runner.transform import dbt_build

QUESTIONS = PROJECT / "analyses" / "analytics"
MOVED = 0.001
# So that no plan of Postgres spills, compiles for long, or knows too little.
BEST_PLAN = "set work_mem = '512MB'; set jit = off; set max_parallel_workers_per_gather = 2"
BYTES = "select sum(pg_total_relation_size(name::regclass)) from unnest(%s::text[]) as name"


def compare(settings: PostgresSettings, turns: int, keep: Callable[[dict[str, Any]], None]) -> None:
    """Copy what is held, then follow so many changes, then ask both, as often."""
    figures: dict[str, Any] = {}
    with (
        TemporaryDirectory(prefix="copy-") as folder,
        psycopg.connect(settings.conninfo, autocommit=True) as connection,
    ):
        say("analytics: first copy")
        figures["first"] = _sync(settings, folder)
        keep(figures)
        figures["syncs"] = []
        for number in range(turns):
            say(f"analytics: sync {number + 1}")
            move(connection, MOVED)
            dbt_build.build(settings, "--resource-type", "model")
            figures["syncs"].append(_sync(settings, folder))
        connection.execute("vacuum analyze")
        tables = [*(table.name for table in LOGS), "raw.wallet_profiles"]
        figures["postgres_bytes"] = int((connection.execute(BYTES, (tables,)).fetchone() or (0,))[0])
        figures["copy_bytes"] = sum(file.stat().st_size for file in Path(folder).rglob("history-*/**/*.parquet"))
        figures["questions"] = _questions(
            connection, compiled(settings, PROJECT, "-s", "path:analyses/analytics"), folder, turns
        )
        keep(figures)


def _sync(settings: PostgresSettings, folder: str) -> dict[str, Any]:
    environment = os.environ | {"DATABASE_URL": settings.conninfo, "ANALYTICS_FOLDER": folder}
    command = [sys.executable, "-m", "benchmarks.analytics"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def _questions(connection: Connection, asked: dict[str, str], folder: str, turns: int) -> dict[str, Any]:
    """Seconds of each question, the median of a few; both take turns."""
    connection.execute(BEST_PLAN)
    figures: dict[str, Any] = {}
    with duckdb.connect(str(Path(folder, FILE)), read_only=True) as copy:
        copy.execute("set enable_progress_bar = false")
        for name, there in asked.items():
            say(f"analytics: {name}")
            here = render((QUESTIONS / f"{name}.sql").read_text(), {})
            seconds: dict[str, list[float]] = {"postgres": [], "copy": []}
            for _ in range(turns):
                seconds["postgres"].append(_timed(connection.execute, there.encode()))
                seconds["copy"].append(_timed(copy.execute, here))
            figures[name] = {way: round(median(taken), 4) for way, taken in seconds.items()}
            figures[name]["turns"] = {way: [round(each, 4) for each in taken] for way, taken in seconds.items()}
    return figures


def _timed(execute: Callable[..., Any], question: str | bytes) -> float:
    begin = perf_counter()
    execute(question).fetchall()
    return perf_counter() - begin


def main() -> None:
    """Sync, and print what it did as JSON."""
    print(json.dumps(asdict(sync(analytics_settings())) | {"peak_mib": round(peak_mib())}))  # noqa: T201


if __name__ == "__main__":
    main()
