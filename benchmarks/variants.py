"""The ways to refresh the same six snapshots, each in a schema of its own."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from psycopg.sql import SQL, Composable, Identifier

from benchmarks.compiled import compiled
from python_runner.postgres.pool import Connection
from python_runner.settings import PostgresSettings
from python_runner.transform import dbt_build

PEERS = Path(__file__).parent / "peers"
SNAPSHOTS = tuple(sorted(path.stem for path in (PEERS / "models").glob("*.sql")))
TABLES = "bench_table"
COPY = (
    "drop table if exists {here}",
    "create table {here} (like {there} including all)",
    "insert into {here} table {there}",
    "analyze {here}",
)


@dataclass(frozen=True)
class Variant(ABC):
    """A way to refresh the snapshots of a loaded and built database, one that `rebuilds` whatever has changed.

    `queries` are the SELECTs of the project in peers/.
    """

    connection: Connection
    settings: PostgresSettings
    queries: Mapping[str, str]
    name: ClassVar[str]
    title: ClassVar[str]
    rebuilds: ClassVar[bool] = False
    # The schema of the snapshots that it starts from.
    origin: ClassVar[str] = "bench_truncate"

    @property
    def schema(self) -> str:
        """Where its snapshots are."""
        return f"bench_{self.name}"

    def prepare(self) -> None:
        """Make its snapshots, right as of the last rebuild: copies of those at its origin."""
        self.for_each(*COPY)

    @abstractmethod
    def refresh(self, since: int) -> None:
        """Let them follow the loads after batch `since`."""

    def for_each(self, *statements: str) -> None:
        """For each snapshot: {here}, {there} at its origin, its {query} and {columns}."""
        self.connection.execute(SQL("create schema if not exists {}").format(Identifier(self.schema)))
        for table in SNAPSHOTS:
            parts = {
                "here": Identifier(self.schema, table),
                "there": Identifier(self.origin, table),
                "query": SQL(self.queries[table]),
                "columns": columns(self.connection, table),
            }
            with self.connection.transaction():
                for statement in statements:
                    self.connection.execute(SQL(statement).format(**parts))


class Ours(Variant):
    """The models of this project, where they are published."""

    name = "ours"
    title = "this project"

    @property
    def schema(self) -> str:
        """Where they are published."""
        return self.settings.dbt_pg_schema

    def prepare(self) -> None:
        """They are there."""

    def refresh(self, since: int) -> None:  # noqa: ARG002  a model knows how far it has read
        """An ordinary build without its tests."""
        dbt_build.build(self.settings, "--resource-type", "model")


class Dbt(Variant):
    """The project in peers/, by dbt as it comes."""

    variables: ClassVar[dict[str, str]]

    def refresh(self, since: int) -> None:
        """Build all of the project."""
        variables = self.variables | {"schema": self.schema, "since": since}
        folders = ("--project-dir", str(PEERS), "--target-path", str(PEERS / "target" / self.name))
        dbt_build.build(self.settings, *folders, "--vars", json.dumps(variables))


class Table(Dbt):
    """Each snapshot is rebuilt and swapped in."""

    name = "table"
    title = "dbt `table`"
    rebuilds = True
    variables: ClassVar = {"materialized": "table"}

    def prepare(self) -> None:
        """Nothing is kept between refreshes."""
        self.refresh(0)


class Merge(Dbt):
    """The rows of changed wallets are computed in full and written over the old ones by key."""

    name = "merge"
    title = "dbt `merge`, changed wallets"
    variables: ClassVar = {"materialized": "incremental", "strategy": "merge"}


class DeleteInsert(Dbt):
    """The rows of changed wallets are computed in full, and the old ones deleted."""

    name = "delete_insert"
    title = "dbt `delete+insert`, changed wallets"
    variables: ClassVar = {"materialized": "incremental", "strategy": "delete+insert"}


class Truncate(Variant):
    """Today's way: a snapshot after the other, each in a transaction, without a gap for readers, who wait instead."""

    name = "truncate"
    title = "TRUNCATE + INSERT"
    rebuilds = True
    origin = TABLES

    def refresh(self, since: int) -> None:  # noqa: ARG002
        """All of it."""
        self.for_each("truncate {here}", "insert into {here} {query}")


class MaterializedView(Variant):
    """A view after the other. They do not say when a row was written, or each row would differ every time."""

    name = "materialized_view"
    title = "REFRESH MATERIALIZED VIEW CONCURRENTLY"
    rebuilds = True

    def prepare(self) -> None:
        """With the indexes of its origin."""
        self.for_each("create materialized view {here} as select {columns} from ({query}) as rows", "analyze {here}")
        for (index,) in self.connection.execute(
            "select replace(indexdef, %s, %s) from pg_indexes where schemaname = %s",
            (f" {self.origin}.", f" {self.schema}.", self.origin),
        ).fetchall():
            self.connection.execute(index)

    def refresh(self, since: int) -> None:  # noqa: ARG002
        """All of it."""
        self.for_each("refresh materialized view concurrently {here}")


VARIANTS: tuple[type[Variant], ...] = (Table, Truncate, MaterializedView, Merge, DeleteInsert, Ours)


def prepared(connection: Connection, settings: PostgresSettings, kinds: Sequence[type[Variant]]) -> list[Variant]:
    """Variants with their snapshots as of now: first dbt's tables, which others copy; last ours, which prunes logs."""
    queries = compiled(settings, PEERS)
    variants = [kind(connection, settings, queries) for kind in VARIANTS if kind in kinds]
    for variant in variants:
        variant.prepare()
    return variants


def content(connection: Connection, schema: str, table: str) -> tuple[int, int]:
    """How many rows a snapshot has, and a digest of them: the sum of 64-bit hashes, equal where the values are.

    Only this project's snapshot has editions that nobody holds: they are left out.
    """
    held = SQL("where total_moments > 0" if table == "editions_snapshot" else "")
    query = SQL("select count(*), coalesce(sum(hash_record_extended(row({}), 0)), 0) from {} {}")
    row = connection.execute(query.format(columns(connection, table), Identifier(schema, table), held)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def columns(connection: Connection, table: str) -> Composable:
    """All but when a row was loaded and written."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and attname not in ('last_synced_at', 'updated_at') order by attnum",
        (f"{TABLES}.{table}",),
    ).fetchall()
    return SQL(", ").join(Identifier(name) for (name,) in rows)
