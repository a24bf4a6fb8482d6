"""What the server says of itself: every analysis in analyses/monitoring, which psql runs as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from python_runner.postgres.pool import Connection
from python_runner.project import PROJECT

ANALYSES = PROJECT / "analyses" / "monitoring"
HOW_TO_ENABLE = (
    "pg_stat_statements is not there: add it to shared_preload_libraries, restart the server,"
    " and `create extension pg_stat_statements`"
)


@dataclass(frozen=True)
class Finding:
    """The rows of one analysis, and how to read them."""

    name: str
    how_to_read: str
    rows: list[dict[str, Any]]


def monitor(connection: Connection) -> list[Finding]:
    """Run them all, in the order of their names."""
    return [_run(connection, path.stem, path.read_text()) for path in sorted(ANALYSES.glob("*.sql"))]


def _run(connection: Connection, name: str, query: str) -> Finding:
    how_to_read = query.splitlines()[0].removeprefix("-- ")
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            return Finding(name, how_to_read, cursor.execute(query.encode()).fetchall())
    except (psycopg.errors.UndefinedTable, psycopg.errors.ObjectNotInPrerequisiteState):
        return Finding(name, HOW_TO_ENABLE, [])
