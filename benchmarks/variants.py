"""The ways to refresh the same six snapshots, each in a schema of its own."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from psycopg.sql import SQL, Composable, Identifier

from benchmarks.compiled import compiled
from python_runner.postgres.pool import Connection
from python_runner.settings import PostgresSettings
from python_runner.transform import dbt_build

PEERS = Path(__file__).parent / "peers"
SNAPSHOTS = tuple(sorted(path.stem for path in (PEERS / "models").glob("*.sql")))
# Empty snapshots with their indexes, and rebuilt ones.
SHAPES, REBUILT = "bench_shapes", "bench_join_once"
COPY = (
    "drop table if exists {here}",
    "create table {here} (like {shape} including all)",
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

    @property
    def schema(self) -> str:
        """Where its snapshots are."""
        return f"bench_{self.name}"

    def prepare(self) -> None:
        """Make its snapshots: copies of those that were rebuilt last."""
        self.for_each(*COPY)

    @abstractmethod
    def refresh(self, since: int) -> None:
        """Let them follow the loads after batch `since`."""

    def query(self, table: str) -> str:
        """The SELECT of a snapshot."""
        return self.queries[table]

    def for_each(self, *statements: str) -> None:
        """For each snapshot: {here}, its {shape}, {there} where it is rebuilt, its {query}, a {view}, its {columns}."""
        self.connection.execute(SQL("create schema if not exists {}").format(Identifier(self.schema)))
        for table in SNAPSHOTS:
            parts = {
                "here": Identifier(self.schema, table),
                "shape": Identifier(SHAPES, table),
                "there": Identifier(REBUILT, table),
                "query": SQL(self.query(table)),
                "view": Identifier(self.schema, f"{table}_view"),
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

    def refresh(self, since: int) -> None:  # noqa: ARG002
        """All of it."""
        self.for_each("truncate {here}", "insert into {here} {query}")


class JoinOnce(Truncate):
    """The same from one temporary table, which holds the join that the six have in common."""

    name = "join_once"
    title = "TRUNCATE + INSERT from one join"

    @cached_property
    def joined(self) -> Mapping[str, str]:
        """The SELECTs that read the temporary table."""
        return compiled(self.settings, PEERS, variables={"joined": "joined"})

    def query(self, table: str) -> str:
        """The SELECT of a snapshot, from the temporary table."""
        return self.joined[table]

    def prepare(self) -> None:
        """Rebuild: these are the snapshots that others copy."""
        self.for_each("create table {here} (like {shape} including all)")
        self.refresh(0)
        self.for_each("analyze {here}")

    def refresh(self, since: int) -> None:
        """All of it. Grouping the join by wallet and edition first costs as much as it saves."""
        self.connection.execute(SQL("create temporary table joined as {}").format(SQL(self.queries["joined"])))
        self.connection.execute("analyze joined")
        super().refresh(since)
        self.connection.execute("drop table joined")


class MaterializedView(Variant):
    """A view after the other. They do not say when a row was written, or each row would differ every time."""

    name = "materialized_view"
    title = "REFRESH MATERIALIZED VIEW CONCURRENTLY"
    rebuilds = True

    def prepare(self) -> None:
        """Filled from rebuilt snapshots, since the view that it reads is replaced afterwards; with their indexes."""
        self.for_each(
            "create view {view} as select {columns} from {there}",
            "create materialized view {here} as table {view}",
            "create or replace view {view} as select {columns} from ({query}) as rows",
            "analyze {here}",
        )
        for (index,) in self.connection.execute(
            "select replace(indexdef, %s, %s) from pg_indexes where schemaname = %s",
            (f" {SHAPES}.", f" {self.schema}.", SHAPES),
        ).fetchall():
            self.connection.execute(index)

    def refresh(self, since: int) -> None:  # noqa: ARG002
        """All of it."""
        self.for_each("refresh materialized view concurrently {here}")


VARIANTS: tuple[type[Variant], ...] = (JoinOnce, Truncate, Table, MaterializedView, Merge, DeleteInsert, Ours)


def prepared(connection: Connection, settings: PostgresSettings, kinds: Sequence[type[Variant]]) -> list[Variant]:
    """Variants, first the rebuild that others copy, last ours, which prunes logs; with snapshots if they rebuild."""
    queries = compiled(settings, PEERS)
    empty = f"{SHAPES}.joined"
    connection.execute(f"create schema {SHAPES}")
    connection.execute(SQL(f"create table {empty} as {{}} with no data").format(SQL(queries["joined"])))
    shapes = json.dumps({"schema": SHAPES, "joined": empty})
    dbt_build.build(
        settings, "--project-dir", str(PEERS), "--target-path", str(PEERS / "target" / SHAPES), "--vars", shapes
    )
    variants = [kind(connection, settings, queries) for kind in VARIANTS if kind in kinds]
    for variant in variants:
        if variant.rebuilds:  # the others start each turn from a copy
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
        (f"{SHAPES}.{table}",),
    ).fetchall()
    return SQL(", ").join(Identifier(name) for (name,) in rows)
