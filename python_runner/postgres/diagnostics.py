"""Runs the diagnostic queries in analyses/monitoring, which also run in psql."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from python_runner.postgres.pool import Connection
from python_runner.project import PROJECT

ANALYSES = PROJECT / "analyses" / "monitoring"
HOW_TO_ENABLE = (
    "pg_stat_statements is not available: add it to shared_preload_libraries, restart the server,"
    " and `create extension pg_stat_statements`"
)


@dataclass(frozen=True)
class Finding:
    """The result of one diagnostic query, and how to read it."""

    name: str
    how_to_read: str
    rows: list[dict[str, Any]]


def run_diagnostics(connection: Connection) -> list[Finding]:
    """Run all queries in the order of their names."""
    return [_run(connection, path.stem, path.read_text()) for path in sorted(ANALYSES.glob("*.sql"))]


def _run(connection: Connection, name: str, query: str) -> Finding:
    how_to_read = query.splitlines()[0].removeprefix("-- ")
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            return Finding(name, how_to_read, cursor.execute(query.encode()).fetchall())
    except (psycopg.errors.UndefinedTable, psycopg.errors.ObjectNotInPrerequisiteState):
        return Finding(name, HOW_TO_ENABLE, [])
