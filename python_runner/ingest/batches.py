"""The batches of a source: what each load applied, and up to where the source is known since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import sql
from psycopg.sql import SQL, Composable, Identifier

from python_runner.ingest.load_plan import StagedCounts
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection
from python_runner.sources import Source

# What a load has read of its source: everything, what is newer than before, or a part.
Coverage = Literal["all", "newer", "part"]

RECORD_BATCH = """
insert into raw.load_batches (
    batch_id, source, mode, baseline, started_at, high_water_mark, highest_key, rows_fetched, rows_rejected
)
select
    %(batch_id)s, %(source)s, %(mode)s, not exists (select from {table}), %(started_at)s,
    {high_water_mark}, {highest_key}, %(fetched)s, %(rejected)s
from (select) as one
left join lateral (
    select high_water_mark, highest_key from raw.load_batches
    where source = %(source)s
    order by batch_id desc
    limit 1
) as last on true
returning baseline
"""

# Batches of an older version lack the key. Their tables are complete up to the highest key unless a file was loaded.
HIGHEST_KEY = """
select coalesce(
    (array_agg(highest_key order by batch_id desc))[1]::{type},
    case when 'file' <> all (array_agg(mode)) then (select max({key}) from {table}) end
)
from raw.load_batches
where source = %s
"""


@dataclass(frozen=True)
class Batch:
    """The row counts of one applied load."""

    batch_id: int
    baseline: bool
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True)
class SourceState:
    """What the raw table of a source already contains."""

    empty: bool
    high_water_mark: datetime | None = None
    highest_key: Any = None


def source_state(connection: Connection, source: Source) -> SourceState:
    """The state of the raw table before a load."""
    names = {"table": raw_schema.table(source), "key": Identifier(source.key)}
    if _value(connection, SQL("select not exists (select from {table})").format(**names)):
        return SourceState(empty=True)
    if source.incremental != "new_keys":
        last = "select high_water_mark from raw.load_batches where source = %s order by batch_id desc limit 1"
        return SourceState(empty=False, high_water_mark=_value(connection, last, source.name))
    highest = _value(connection, SQL(HIGHEST_KEY).format(**names, type=SQL(source.key_column.data_type)), source.name)
    return SourceState(empty=False, highest_key=highest)


def missing_keys(connection: Connection, source: Source, highest_key: Any) -> list[Any]:
    """The keys up to the highest known one that the table has which `referenced_by` names, and that are not loaded."""
    missing = SQL(
        """
        select coalesce(array_agg(held.{key} order by held.{key}), '{{}}')
        from {held} as held
        where held.{key} <= %s and not exists (select from {table} as known where known.{key} = held.{key})
        """
    ).format(
        held=Identifier(raw_schema.RAW, source.referenced_by or source.name),
        table=raw_schema.table(source),
        key=Identifier(source.key),
    )
    return list(_value(connection, missing, highest_key))


def record_batch(
    connection: Connection, source: Source, staged: StagedCounts, *, mode: str, covers: Coverage, started_at: datetime
) -> tuple[int, bool]:
    """Add the batch that the stage is applied as. Returns its number, and whether it is a baseline."""
    batch_id = _next_batch(connection, source)
    (baseline,) = connection.execute(
        SQL(RECORD_BATCH).format(
            table=raw_schema.table(source),
            high_water_mark=_high_water_mark(source, covers),
            highest_key=_highest_key(source, covers),
        ),
        {"batch_id": batch_id, "source": source.name, "mode": mode, "started_at": started_at,
         "fetched": staged.fetched, "rejected": staged.rejected},
    ).fetchone()  # type: ignore[misc] # fmt: skip
    return batch_id, bool(baseline)


def record_changes(connection: Connection, batch_id: int, counts: tuple[int, int, int]) -> None:
    """Add the numbers of inserted, updated and deleted rows."""
    connection.execute(
        "update raw.load_batches set rows_inserted = %s, rows_updated = %s, rows_deleted = %s where batch_id = %s",
        (*counts, batch_id),
    )


def last_batch(connection: Connection, source: Source) -> Batch:
    """The last applied batch of a source."""
    found = connection.execute(
        """
        select batch_id, baseline, rows_inserted, rows_updated, rows_deleted
        from raw.load_batches where source = %s
        order by batch_id desc limit 1
        """,
        (source.name,),
    ).fetchone()
    return Batch(*found)  # type: ignore[misc]


def _next_batch(connection: Connection, source: Source) -> int:
    """A number above all known ones. After a crash a sequence can go back, and readers would skip its batches."""
    known = "select max(batch_id) from raw.load_batches union all select max(batch_id) from {changes}"
    if connection.execute("select to_regclass('delta.watermarks')").fetchone() != (None,):
        known += " union all select max(position) from delta.watermarks where log = {log}::regclass"
    query = SQL(f"select 1 + coalesce(max(batch_id), 0) from ({known}) as known (batch_id)").format(
        changes=raw_schema.changes(source), log=sql.Literal(raw_schema.changes(source).as_string())
    )
    (batch_id,) = connection.execute(query).fetchone()  # type: ignore[misc]
    return int(batch_id)


def _high_water_mark(source: Source, covers: Coverage) -> Composable:
    """The newest cursor, but not after the start of the load: a row with a later date must not hide other rows."""
    if source.cursor is None:
        return SQL("null::timestamptz")
    newest = SQL("(select max({cursor}) from {stage} where {cursor} <= %(started_at)s)").format(
        cursor=Identifier(source.cursor), stage=raw_schema.stage(source)
    )
    return _known_up_to(SQL("last.high_water_mark"), newest, covers)


def _highest_key(source: Source, covers: Coverage) -> Composable:
    if source.incremental != "new_keys":
        return SQL("null")
    highest = SQL("(select max({}) from {})").format(Identifier(source.key), raw_schema.stage(source))
    last = SQL("last.highest_key::{}").format(SQL(source.key_column.data_type))
    return SQL("({})::text").format(_known_up_to(last, highest, covers))


def _known_up_to(last: Composable, staged: Composable, covers: Coverage) -> Composable:
    """Up to where the source is known when the batch is applied. After NULL the next load reads everything.

    A part of the source, such as a file or a reconciled range, does not change the value: it says nothing of the rest.
    """
    return {"part": last, "all": staged, "newer": SQL("greatest({}, {})").format(last, staged)}[covers]


def _value(connection: Connection, query: Any, *params: Any) -> Any:
    row = connection.execute(query, params).fetchone()
    return row and row[0]
