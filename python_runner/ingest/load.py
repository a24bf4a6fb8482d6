"""Loads one source: decides what to fetch, stages it, applies it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from psycopg.sql import SQL, Composable, Identifier

from python_runner.errors import RunnerError
from python_runner.ingest import load_plan
from python_runner.ingest.apply import EVERYWHERE, Batch, apply, last_batch
from python_runner.ingest.rejects import TooManyRejectsError, note_dirt
from python_runner.ingest.source_progress import Meter
from python_runner.ingest.staging import Fetch, fill_stage
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection, Pool
from python_runner.snowflake import queries
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

# Batches of an older version lack the key; a table that no file was loaded into is known up to its highest.
HIGHEST_KEY = """
select coalesce(
    (array_agg(highest_key order by batch_id desc))[1]::{type},
    case when 'file' <> all (array_agg(mode)) then (select max({key}) from {table}) end
)
from raw.load_batches
where source = %s
"""

Mode = Literal["first", "incremental", "full", "reconcile", "file"]


@dataclass(frozen=True)
class Loaded:
    """What one load of one source did."""

    source: str
    mode: Mode
    batch_id: int
    baseline: bool
    rows_fetched: int
    rows_rejected: int
    rows_nulled: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    seconds: float
    pages_kept: int = 0
    retries: int = 0
    waited_seconds: float = 0.0


@dataclass(frozen=True)
class Known:
    """What raw already holds of a source."""

    empty: bool
    high_water_mark: datetime | None = None
    highest_key: Any = None
    missing_keys: tuple[Any, ...] = ()


def load_from_snowflake(pool: Pool, snowflake: Snowflake, source: Source, *, full: bool, meter: Meter) -> Loaded:
    """An ordinary load, or everything with `full`; into an empty table every load is a first one.

    One that was interrupted is continued: its finished pages are not fetched again.
    """
    known = pool.persist(lambda connection: _known(connection, source))
    whole = full or known.empty or source.incremental == "whole"
    mode: Mode = "first" if known.empty else "full" if full else "incremental"
    planned = pool.persist(lambda connection: load_plan.unfinished(connection, source, mode))
    if planned is None:
        statements = queries.pages(snowflake, source) if whole else _increment(snowflake, source, known)
        planned = pool.persist(lambda connection: load_plan.begin(connection, source, mode, statements))
    if planned.kept:
        meter.kept(planned.kept)
    meter.expect(len(planned.left))
    fetches = [(number, partial(snowflake.fetch, s.sql, s.params)) for number, s in planned.left.items()]
    workers = snowflake.settings.batches_in_parallel
    return load_planned(pool, planned, fetches, mode=mode, whole=whole, workers=workers, meter=meter)


def load_from_file(pool: Pool, source: Source, pages: Iterable[pa.Table], *, full: bool, meter: Meter) -> Loaded:
    """The pages of a file; it is the whole table for a source that is always read whole, or with `full`."""
    fetches = (partial(lambda page: page, page) for page in pages)
    whole = full or source.incremental == "whole"
    return load_fetched(pool, source, fetches, mode="file", whole=whole, workers=1, meter=meter)


def load_fetched(
    pool: Pool,
    source: Source,
    fetches: Iterable[Fetch],
    *,
    mode: Mode,
    whole: bool,
    workers: int,
    meter: Meter,
    scope: Composable = EVERYWHERE,
) -> Loaded:
    """A load that starts over each time: what the fetches return, which is all there is in `scope` if `whole`."""
    planned = pool.persist(lambda connection: load_plan.begin(connection, source, mode))
    return load_planned(
        pool, planned, enumerate(fetches), mode=mode, whole=whole, workers=workers, meter=meter, scope=scope
    )


def load_planned(
    pool: Pool,
    planned: load_plan.Plan,
    fetches: Iterable[tuple[int, Fetch]],
    *,
    mode: Mode,
    whole: bool,
    workers: int,
    meter: Meter,
    scope: Composable = EVERYWHERE,
) -> Loaded:
    """Stage what the fetches return and apply all that is staged, at once. What is refused is not kept for later."""
    begin, source = perf_counter(), planned.source
    fill_stage(pool, planned, fetches, workers=workers, meter=meter)
    staged = pool.persist(lambda connection: load_plan.staged(connection, source))

    def work(connection: Connection) -> Batch:
        if not load_plan.claim(connection, planned):
            return last_batch(connection, source)
        if whole and scope is EVERYWHERE:
            refuse_to_empty(connection, source, staged)
        batch = apply(connection, source, staged, mode=mode, whole=whole, started_at=planned.started_at, scope=scope)
        load_plan.abandon(connection, planned)
        return batch

    try:
        batch = pool.persist(work)
    except load_plan.OvertakenError:
        raise
    except RunnerError as refusal:
        with pool.transaction() as connection:
            if isinstance(refusal, TooManyRejectsError):
                note_dirt(connection, source, None)
            load_plan.abandon(connection, planned)
        raise
    return Loaded(
        source=source.name,
        mode=mode,
        batch_id=batch.batch_id,
        baseline=batch.baseline,
        rows_fetched=staged.fetched,
        rows_rejected=staged.rejected,
        rows_nulled=staged.nulled,
        rows_inserted=batch.inserted,
        rows_updated=batch.updated,
        rows_deleted=batch.deleted,
        seconds=perf_counter() - begin,
        pages_kept=planned.kept,
    )


def _known(connection: Connection, source: Source) -> Known:
    names = {"table": raw_schema.table(source), "key": Identifier(source.key)}
    if _one(connection, SQL("select not exists (select from {table})").format(**names)):
        return Known(empty=True)
    if source.incremental != "new_keys":
        last = "select high_water_mark from raw.load_batches where source = %s order by batch_id desc limit 1"
        return Known(empty=False, high_water_mark=_one(connection, last, source.name))
    highest = _one(connection, SQL(HIGHEST_KEY).format(**names, type=SQL(source.key_column.data_type)), source.name)
    if highest is None:
        return Known(empty=False)
    missing = SQL(
        """
        select coalesce(array_agg(held.{key}), '{{}}')
        from {held} as held
        where held.{key} <= %s and not exists (select from {table} as known where known.{key} = held.{key})
        """
    ).format(held=Identifier(raw_schema.RAW, source.referenced_by or source.name), **names)
    return Known(empty=False, highest_key=highest, missing_keys=tuple(_one(connection, missing, highest)))


def _increment(snowflake: Snowflake, source: Source, known: Known) -> list[queries.Statement]:
    if known.highest_key is not None:
        newer = queries.pages(snowflake, source, queries.above(source, known.highest_key))
        return newer + queries.by_key(source, known.missing_keys)
    if known.high_water_mark is None:
        return queries.pages(snowflake, source)
    return queries.pages(snowflake, source, queries.newer_than(source, known.high_water_mark))


def refuse_to_empty(connection: Connection, source: Source, staged: load_plan.Staged) -> None:
    """RunnerError where a load of the whole source came back empty while raw is not."""
    held = _one(connection, SQL("select exists (select from {})").format(raw_schema.table(source)))
    if held and staged.fetched == staged.rejected:
        raise RunnerError(
            f"{source.name}: the source returned no usable row, which would delete every row of raw.{source.name}:"
            f" check the source; to start over, drop raw.{source.name} yourself"
        )


def _one(connection: Connection, query: Any, *params: Any) -> Any:
    row = connection.execute(query, params).fetchone()
    return row and row[0]
