"""Applies a staged load in one transaction: changelog, table, batch record and rejects."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from python_runner.ingest.batches import Batch, Coverage, record_batch, record_changes
from python_runner.ingest.load_plan import StagedCounts
from python_runner.ingest.rejects import enforce_reject_limit, record_rejects
from python_runner.postgres import raw_schema
from python_runner.postgres.channel import CHANNEL
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
    covers: Coverage = (
        "part" if scope is not EVERYWHERE or (mode == "file" and not whole) else "all" if whole else "newer"
    )
    batch_id, baseline = record_batch(connection, source, staged, mode=mode, covers=covers, started_at=started_at)
    enforce_reject_limit(connection, source, staged, new=record_rejects(connection, source, batch_id))
    names |= {"batch_id": Literal(batch_id), "scope": scope}
    write = partial(_fill, source=source, staged=staged) if baseline else partial(_apply_difference, whole=whole)
    counts = write(connection, names)
    record_changes(connection, batch_id, counts)
    if baseline or any(counts):
        connection.execute("select pg_notify(%s, %s)", (CHANNEL, f"{raw_schema.RAW}.{source.name}"))
    return Batch(batch_id, baseline, *counts)


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
    log = raw_schema.changes(source).as_string()
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
