"""Repairs a source at the cost of the difference: compare checksums by bucket, fetch the buckets that differ."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Identifier

from python_runner.ingest import checksums, load_plan
from python_runner.ingest.apply import EVERYWHERE, difference
from python_runner.ingest.clean import clean
from python_runner.ingest.load import Loaded, Mode, load_fetched, refuse_to_empty
from python_runner.ingest.source_progress import Meter
from python_runner.ingest.staging import Fetch, fill_stage
from python_runner.postgres.pool import Pool
from python_runner.snowflake import queries
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

FIRST_ROWS = 10

Checksums = dict[Any, tuple[int, str]]


@dataclass(frozen=True)
class Preview:
    """What a reconciliation of one source would change."""

    source: str
    rows_fetched: int
    rows_rejected: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    first: list[dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """What is to be read of a source, and the same part of the raw table; no filter: nothing."""

    mode: Mode
    filter: queries.Filter | None
    scope: Composable


def reconcile(pool: Pool, snowflake: Snowflake, source: Source, *, meter: Meter) -> Loaded:
    """Make the raw table what a full load would; into an empty table it is a first load."""
    part = _compare(pool, snowflake, source, meter)
    fetches = _fetches(snowflake, source, part, meter)
    workers = snowflake.settings.batches_in_parallel
    return load_fetched(
        pool, source, fetches, mode=part.mode, whole=True, workers=workers, meter=meter, scope=part.scope
    )


def preview(pool: Pool, snowflake: Snowflake, source: Source, *, meter: Meter) -> Preview:
    """The same up to the difference, which is counted instead of applied."""
    part = _compare(pool, snowflake, source, meter)
    fetches = _fetches(snowflake, source, part, meter)
    with pool.transaction() as connection:
        planned = load_plan.begin(connection, source, "preview")
    fill_stage(pool, planned, enumerate(fetches), workers=snowflake.settings.batches_in_parallel, meter=meter)
    query = SQL(
        """
        with difference as materialized ({difference}),
        changed as (
            select
                {key} as key,
                case when was is null then 'insert' when becomes is null then 'delete' else 'update' end as change,
                to_jsonb(was) - 'weight' as was,
                to_jsonb(becomes) - 'weight' as becomes
            from (select * from difference where weight = -1) as was
            full join (select * from difference where weight = 1) as becomes using ({key})
        )
        select
            count(*) filter (where change = 'insert'),
            count(*) filter (where change = 'update'),
            count(*) filter (where change = 'delete'),
            (
                select coalesce(jsonb_agg(first), '[]')
                from (select * from changed order by key limit {first_rows}) as first
            )
        from changed
        """
    ).format(
        difference=difference(source, part.scope),
        key=Identifier(source.key),
        first_rows=FIRST_ROWS,
    )
    with pool.transaction() as connection:
        load_plan.claim(connection, planned)
        staged = load_plan.staged(connection, source)
        if part.scope is EVERYWHERE:
            refuse_to_empty(connection, source, staged)
        inserted, updated, deleted, first = connection.execute(query).fetchone()  # type: ignore[misc]
        load_plan.abandon(connection, planned)
    return Preview(source.name, staged.fetched, staged.rejected, inserted, updated, deleted, first)


def _compare(pool: Pool, snowflake: Snowflake, source: Source, meter: Meter) -> Part:
    with ThreadPoolExecutor(1, thread_name_prefix="checksums") as executor:
        reading = executor.submit(snowflake.fetch, checksums.snowflake_checksums(source))
        with pool.transaction() as connection:
            ours = _by_bucket(source, connection.execute(checksums.postgres_checksums(source)).fetchall())
        theirs = _by_bucket(source, (row.values() for row in reading.result().to_pylist()))
    unsure = theirs.pop(None, None)
    if not ours or not theirs:
        return Part("reconcile" if ours else "first", queries.EVERYTHING, EVERYWHERE)
    differing = {bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket)}
    if unsure:
        differing |= _buckets_of_unsure(pool, snowflake, source)
    meter.compared(len(ours.keys() | theirs.keys()), len(differing))
    buckets = sorted(differing)
    filter_ = checksums.in_buckets(source, buckets) if differing or unsure else None
    return Part("reconcile", filter_, checksums.scope(source, buckets))


def _buckets_of_unsure(pool: Pool, snowflake: Snowflake, source: Source) -> set[Any]:
    """Where the keys fall that only `clean` can tell: a row there may be the same moment's."""
    statement = queries.select(source, checksums.unsure(source))
    keys = clean(snowflake.fetch(statement.sql, statement.params), source).rows.column(source.key).to_pylist()
    with pool.transaction() as connection:
        return {bucket for (bucket,) in connection.execute(checksums.buckets_of(source, keys))}


def _by_bucket(source: Source, rows: Any) -> Checksums:
    """Snowflake's numbers come as decimals."""
    numeric = source.key_column.kind != "text"
    return {int(bucket) if numeric and bucket is not None else bucket: (held, sum_) for bucket, held, sum_ in rows}


def _fetches(snowflake: Snowflake, source: Source, part: Part, meter: Meter) -> Iterator[Fetch]:
    statements = [] if part.filter is None else queries.pages(snowflake, source, part.filter)
    meter.expect(len(statements))
    return (partial(snowflake.fetch, statement.sql, statement.params) for statement in statements)
