"""Applies a staged load in one transaction: changelog, table, batch record and rejects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from python_runner.ingest.load_plan import StagedCounts
from python_runner.ingest.rejects import enforce_reject_limit, record_rejects
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection
from python_runner.sources import Source

EVERYWHERE = SQL("true")

REPEATED = """
create temporary table repeated on commit drop as
select {key} from {stage} group by {key} having count(*) > 1
"""
KEEP_THE_NEWEST = """
delete from {stage} as older
using (
    select
        ctid,
        row_number() over (partition by {key} order by {order}) as place
    from {stage}
    where {key} in (select {key} from repeated)
) as ranked
where ranked.place > 1 and ranked.ctid = older.ctid
"""
DELETE = """
delete from {table} as gone
using (
    select {key} from {changes} where batch_id = {batch_id} group by {key} having sum(weight) < 0
) as removed
where gone.{key} = removed.{key}
"""
UPSERT = """
insert into {table} ({columns}, batch_id)
select {columns}, batch_id from {changes} where batch_id = {batch_id} and weight = 1
on conflict ({key}) do update set {assignments}, batch_id = excluded.batch_id
"""

NOTE_BATCH = """
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


@dataclass(frozen=True)
class Batch:
    """The row counts of one applied load."""

    batch_id: int
    baseline: bool
    inserted: int
    updated: int
    deleted: int


def apply(
    connection: Connection,
    source: Source,
    staged: StagedCounts,
    *,
    mode: str,
    whole: bool,
    started_at: datetime,
    scope: Composable = EVERYWHERE,
) -> Batch:
    """Apply the stage to raw.<source>.

    With `whole`, the stage contains the whole source, or all of it within `scope` (a condition on the columns of the
    table), and rows that are missing from it are deleted. A load into an empty table is a baseline and writes no
    changelog. Unchanged rows are not written.
    """
    names = _names(source)
    connection.execute(SQL("analyze {stage}").format(**names))
    # Waits until no model reads the tables: see delta_begin.
    connection.execute("select pg_advisory_xact_lock(hashtextextended('delta', 0))")
    batch_id = _next_batch(connection, source)
    covers = "part" if scope is not EVERYWHERE or (mode == "file" and not whole) else "all" if whole else "newer"
    (baseline,) = connection.execute(
        SQL(NOTE_BATCH).format(
            **names,
            high_water_mark=_high_water_mark(source, covers),
            highest_key=_highest_key(source, covers),
        ),
        {"batch_id": batch_id, "source": source.name, "mode": mode, "started_at": started_at,
         "fetched": staged.fetched, "rejected": staged.rejected},
    ).fetchone()  # type: ignore[misc] # fmt: skip
    enforce_reject_limit(connection, source, staged, new=record_rejects(connection, source, batch_id))
    names |= {"batch_id": Literal(batch_id), "scope": scope}
    write = partial(_fill, source=source, staged=staged) if baseline else partial(_apply_difference, whole=whole)
    counts = write(connection, names)
    connection.execute(
        "update raw.load_batches set rows_inserted = %s, rows_updated = %s, rows_deleted = %s where batch_id = %s",
        (*counts, batch_id),
    )
    return Batch(batch_id, baseline, *counts)


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


def _fill(
    connection: Connection, names: dict[str, Any], *, source: Source, staged: StagedCounts
) -> tuple[int, int, int]:
    if raw_schema.may_replace(connection, source):
        removed = _keep_the_newest(connection, names)
        raw_schema.replace(connection, source, names["batch_id"])
        inserted = staged.fetched - staged.rejected - removed
    else:
        inserted = connection.execute(
            SQL("insert into {table} ({columns}, batch_id) select {columns}, {batch_id} from ({newest}) as new").format(
                **names
            )
        ).rowcount
        connection.execute(SQL("analyze {table}").format(**names))
    _delete_watermarks(connection, source)
    return inserted, 0, 0


def _keep_the_newest(connection: Connection, names: dict[str, Any]) -> int:
    """Delete all but the newest row of each key from the stage. Returns the number of deleted rows.

    Two planner defaults do not fit here. It hashes the keys, which are almost all distinct, although sorting takes a
    quarter of the time; and it estimates that a third of the keys repeat, although almost none does.
    """
    connection.execute("set local enable_hashagg = off")
    if not connection.execute(SQL(REPEATED).format(**names)).rowcount:
        return 0
    connection.execute("analyze repeated")
    return connection.execute(SQL(KEEP_THE_NEWEST).format(**names)).rowcount


def _delete_watermarks(connection: Connection, source: Source) -> None:
    """A baseline is not in the changelog, so the models that read the changelog have to rebuild."""
    log = f"{raw_schema.RAW}.{source.name}_changes"
    if connection.execute("select to_regclass('delta.watermarks')").fetchone() != (None,):
        connection.execute("delete from delta.watermarks where log = %s::regclass", (log,))


def _apply_difference(connection: Connection, names: dict[str, Any], *, whole: bool) -> tuple[int, int, int]:
    """Write the difference to the changelog, then apply the changelog to the table, so that both always agree."""
    logged = connection.execute(
        SQL(
            "insert into {changes} (batch_id, weight, {columns}) select {batch_id}, d.* from ({difference}) as d"
        ).format(difference=_difference(names, whole=whole), **names)
    ).rowcount
    connection.execute(SQL("analyze {changes}").format(**names))
    deleted = connection.execute(SQL(DELETE).format(**names)).rowcount if whole else 0
    written = connection.execute(SQL(UPSERT).format(**names)).rowcount
    updated = logged - deleted - written  # an updated row is logged twice
    return written - updated, updated, deleted


def difference(source: Source, scope: Composable) -> Composed:
    """SELECT of the changelog rows that `apply` would write, given that the stage is whole within the scope."""
    return _difference(_names(source) | {"scope": scope}, whole=True)


def _difference(names: dict[str, Any], *, whole: bool) -> Composed:
    return SQL(
        """
        select side.*
        from ({newest}) as new
        {join} (select * from {table} where {scope}) as old on old.{key} = new.{key}
        cross join lateral (values (-1::smallint, {old}), (1::smallint, {new})) as side (weight, {columns})
        where side.{key} is not null and ({old}) is distinct from ({new})
        """
    ).format(join=SQL("full join" if whole else "left join"), **names)


def _names(source: Source) -> dict[str, Any]:
    columns = [Identifier(name) for name in source.column_names]
    order = [
        Identifier(source.key),
        *([SQL("{} desc nulls last").format(Identifier(source.cursor))] if source.cursor else []),
    ]
    ties = [Identifier(name) for name in source.column_names if name not in (source.key, source.cursor)]
    newest_first = SQL(", ").join([*order, *ties])
    return {
        "table": raw_schema.table(source),
        "changes": raw_schema.changes(source),
        "stage": raw_schema.stage(source),
        "key": Identifier(source.key),
        "columns": SQL(", ").join(columns),
        "old": SQL(", ").join(SQL("old.{}").format(c) for c in columns),
        "new": SQL(", ").join(SQL("new.{}").format(c) for c in columns),
        "assignments": SQL(", ").join(
            SQL("{0} = excluded.{0}").format(c) for c in columns if c != Identifier(source.key)
        ),
        "order": newest_first,
        "newest": SQL("select distinct on ({key}) * from {stage} order by {order}").format(
            key=Identifier(source.key), stage=raw_schema.stage(source), order=newest_first
        ),
    }


def _next_batch(connection: Connection, source: Source) -> int:
    """Above every batch that anything knows of: a sequence may go back after a crash, and its batches be missed."""
    known = "select max(batch_id) from raw.load_batches union all select max(batch_id) from {changes}"
    if connection.execute("select to_regclass('delta.watermarks')").fetchone() != (None,):
        known += " union all select max(position) from delta.watermarks where log = {log}::regclass"
    query = SQL(f"select 1 + coalesce(max(batch_id), 0) from ({known}) as known (batch_id)").format(
        changes=raw_schema.changes(source), log=Literal(raw_schema.changes(source).as_string())
    )
    (batch_id,) = connection.execute(query).fetchone()  # type: ignore[misc]
    return int(batch_id)


def _high_water_mark(source: Source, covers: str) -> Composable:
    """The newest cursor seen, never past the start of the load: one row dated ahead must not hide the others."""
    if source.cursor is None:
        return SQL("null::timestamptz")
    newest = SQL("(select max({cursor}) from {stage} where {cursor} <= %(started_at)s)").format(
        cursor=Identifier(source.cursor), stage=raw_schema.stage(source)
    )
    return _known_up_to(SQL("last.high_water_mark"), newest, covers)


def _highest_key(source: Source, covers: str) -> Composable:
    if source.incremental != "new_keys":
        return SQL("null")
    highest = SQL("(select max({}) from {})").format(Identifier(source.key), raw_schema.stage(source))
    last = SQL("last.highest_key::{}").format(SQL(source.key_column.data_type))
    return SQL("({})::text").format(_known_up_to(last, highest, covers))


def _known_up_to(last: Composable, staged: Composable, covers: str) -> Composable:
    """Up to where the source is known once the batch is applied; NULL says that the next load reads all of it.

    A part of the source, as a file or a reconciled range is, says nothing of the rest: the value stays.
    """
    return {"part": last, "all": staged, "newer": SQL("greatest({}, {})").format(last, staged)}[covers]
