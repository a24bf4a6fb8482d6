"""The schema `jobs`: the tables and functions of procrastinate, and the errors of jobs."""

from __future__ import annotations

from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager, migrations_path
from psycopg.sql import SQL, Identifier

from python_runner.postgres.pool import Connection, wrap_driver_errors
from python_runner.postgres.rights import check_rights
from python_runner.settings import PostgresSettings

SCHEMA = "jobs"
# Queries of procrastinate do not name a schema. SET LOCAL also works behind a transaction pooler.
USE_SCHEMA = SQL("set local search_path to {}").format(Identifier(SCHEMA))
LOCK = "select pg_advisory_xact_lock(hashtextextended('collectibles_runner jobs', 0))"

OWN_TABLES = """
create table errors (
    job_id bigint not null references procrastinate_jobs on delete cascade,
    at timestamptz not null default now(),
    error text not null
);
create index on errors (job_id);
create table migrations (name text primary key, applied_at timestamptz not null default now());
"""


def ensure(settings: PostgresSettings) -> None:
    """Create the schema, or apply the migrations of a newer procrastinate. Several processes may call this at once."""
    with (
        wrap_driver_errors(),
        psycopg.connect(settings.conninfo, autocommit=True) as connection,
    ):
        while migration := _missing(connection):
            with connection.transaction():
                connection.execute(LOCK)
                if _missing(connection) == migration:
                    _apply(connection, migration)


def _migrations() -> list[str]:
    return sorted(file.name for file in migrations_path.glob("*.sql"))


def _missing(connection: Connection) -> str | None:
    """The first migration that the schema lacks; all are missing if there is no schema."""
    names = _migrations()
    # Not to_regclass(): after the lock was waited for, it can still answer from a cache.
    made = connection.execute(
        "select true from pg_tables where (schemaname, tablename) = (%s, 'migrations')", (SCHEMA,)
    )
    if not made.fetchone():
        return names[0]
    check_rights(connection, [SCHEMA])
    applied = {name for (name,) in connection.execute(f"select name from {SCHEMA}.migrations").fetchall()}
    return next((name for name in names if name not in applied), None)


def _apply(connection: Connection, migration: str) -> None:
    """Apply one migration; the first one creates everything, because procrastinate has a file for that."""
    names = _migrations()
    if migration != names[0]:
        connection.execute(USE_SCHEMA)
        connection.execute(Path(migrations_path, migration).read_bytes())
        names = [migration]
    else:
        check_rights(connection, [SCHEMA])
        # CREATE SCHEMA IF NOT EXISTS needs the right to create one, even if it exists.
        if not connection.execute("select to_regnamespace(%s)", (SCHEMA,)).fetchone()[0]:  # type: ignore[index]
            connection.execute(SQL("create schema {}").format(Identifier(SCHEMA)))
        connection.execute(USE_SCHEMA)
        connection.execute(SchemaManager.get_schema().encode())
        connection.execute(OWN_TABLES)
    connection.cursor().executemany("insert into migrations (name) values (%s)", [(name,) for name in names])
