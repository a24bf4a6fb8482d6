"""Repairs a raw table: compares checksums by bucket of keys and fetches only the buckets that differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composable, Identifier

from python_runner.ingest import checksums, load_plan
from python_runner.ingest.apply import EVERYWHERE, difference
from python_runner.ingest.clean import clean
from python_runner.ingest.load import BatchMode, LoadResult, load_fetched, pages_of, refuse_empty_source
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import Page, fill_stage
from python_runner.postgres.pool import Pool
from python_runner.snowflake import queries
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

FIRST_ROWS = 10

Checksums = dict[Any, tuple[int, str]]


@dataclass(frozen=True)
class Preview:
    """What reconciling one source would change."""

    source: str
    rows_fetched: int
    rows_rejected: int
    rows_nulled: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    first: list[dict[str, Any]]


@dataclass(frozen=True)
class ReconcileScope:
    """The rows to read from a source, and the condition for the same rows of the raw table. No filter means no rows."""

    mode: BatchMode
    filter: queries.Filter | None
    rows: Composable


def reconcile(pool: Pool, snowflake: Snowflake, source: Source, *, progress: SourceProgress) -> LoadResult:
    """Make the raw table equal to what a full load gives. Into an empty table this is a first load."""
    scope = _compare(pool, snowflake, source, progress)
    return load_fetched(
        pool,
        source,
        _pages(snowflake, source, scope, progress),
        mode=scope.mode,
        whole=True,
        workers=snowflake.workers,
        progress=progress,
        scope=scope.rows,
    )


def preview(pool: Pool, snowflake: Snowflake, source: Source, *, progress: SourceProgress) -> Preview:
    """Compute the same difference, and count it instead of applying it."""
    scope = _compare(pool, snowflake, source, progress)
    pages = _pages(snowflake, source, scope, progress)
    with pool.transaction() as connection:
        planned = load_plan.begin(connection, source, "preview")
    fill_stage(pool, planned, pages, snowflake.workers, progress)
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
        difference=difference(source, scope.rows),
        key=Identifier(source.key),
        first_rows=FIRST_ROWS,
    )
    with pool.transaction() as connection:
        load_plan.claim(connection, planned)
        staged = load_plan.staged_counts(connection, source)
        if scope.rows is EVERYWHERE:
            refuse_empty_source(connection, source, staged)
        inserted, updated, deleted, first = connection.execute(query).fetchone()  # type: ignore[misc]
        load_plan.abandon(connection, planned)
    return Preview(source.name, staged.fetched, staged.rejected, staged.nulled, inserted, updated, deleted, first)


def _compare(pool: Pool, snowflake: Snowflake, source: Source, progress: SourceProgress) -> ReconcileScope:
    query_id = snowflake.submit(checksums.snowflake_checksums(source))
    with pool.transaction() as connection:
        ours = _by_bucket(source, connection.execute(checksums.postgres_checksums(source)).fetchall())
    theirs = _by_bucket(source, (row.values() for row in snowflake.result(query_id).read_all().to_pylist()))
    uncertain = theirs.pop(None, None)
    if not ours or not theirs:
        return ReconcileScope("reconcile" if ours else "first", queries.EVERYTHING, EVERYWHERE)
    differing = {bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket)}
    if uncertain:
        differing |= _buckets_of_uncertain(pool, snowflake, source)
    progress.checksums_compared(len(ours.keys() | theirs.keys()), len(differing))
    buckets = sorted(differing)
    filter_ = checksums.in_buckets(source, buckets) if differing or uncertain else None
    return ReconcileScope("reconcile", filter_, checksums.scope(source, buckets))


def _buckets_of_uncertain(pool: Pool, snowflake: Snowflake, source: Source) -> set[Any]:
    """The buckets of the keys that only `clean` can parse, because such a row can have the key of another row."""
    statement = queries.select(source, checksums.uncertain(source))
    keys = clean(snowflake.fetch(statement.sql, statement.params), source).rows.column(source.key).to_pylist()
    with pool.transaction() as connection:
        return {bucket for (bucket,) in connection.execute(checksums.buckets_of(source, keys))}


def _by_bucket(source: Source, rows: Any) -> Checksums:
    """Checksums by bucket. Snowflake returns bucket numbers as decimals."""
    numeric = source.key_column.kind != "text"
    return {int(bucket) if numeric and bucket is not None else bucket: (held, sum_) for bucket, held, sum_ in rows}


def _pages(snowflake: Snowflake, source: Source, scope: ReconcileScope, progress: SourceProgress) -> list[Page]:
    pages: list[Page] = []
    if scope.filter is not None:
        statement = queries.select(source, scope.filter)
        pages = pages_of([snowflake.result(snowflake.submit(statement.sql, statement.params))])
    progress.pages_planned(len(pages))
    return pages
