"""Loads one source: decides what to fetch, stages it and applies it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from psycopg.sql import SQL, Composable

from python_runner.errors import RunnerError, TransientError
from python_runner.ingest import load_plan
from python_runner.ingest.apply import EVERYWHERE, apply
from python_runner.ingest.batches import Batch, SourceState, last_batch, missing_keys, source_state
from python_runner.ingest.rejects import TooManyRejectsError, record_rejects
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import Page, fill_stage
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection, Pool
from python_runner.settings import SnowflakeSettings
from python_runner.snowflake import queries
from python_runner.snowflake.workers import Workers
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake
    from python_runner.snowflake.results import Result

BatchMode = Literal["first", "incremental", "full", "reconcile", "file"]


FEW_ROWS = 100


@dataclass(frozen=True)
class _DeleteGuard:
    """Refuses a load that deletes a larger share of the rows than declared, and more rows than are always allowed."""

    source: Source
    always_allowed: int
    origin: str
    remedy: str

    def check(self, connection: Connection, batch: Batch) -> None:
        """RunnerError, which undoes the transaction of the load."""
        if batch.deleted <= self.always_allowed:
            return
        table = raw_schema.table(self.source)
        held = _one(connection, SQL("select count(*) from {}").format(table)) + batch.deleted - batch.inserted
        if batch.deleted > self.source.delete_limit * held:
            raise RunnerError(
                f"{self.source.name}: {self.origin} lacks {batch.deleted:,} of the {held:,} rows of"
                f" raw.{self.source.name}, and would delete them, above the delete_limit of"
                f" {self.source.delete_limit:.0%}: nothing was applied; complete {self.origin}, or delete them with"
                f" {self.remedy}"
            )


@dataclass(frozen=True)
class LoadResult:
    """The result of one load of one source."""

    source: str
    mode: BatchMode
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


def load_from_snowflake(
    pool: Pool,
    snowflake: Snowflake,
    source: Source,
    *,
    full: bool,
    progress: SourceProgress,
    referring: Callable[[], object] = lambda: None,
) -> LoadResult:
    """Load what changed, or everything with `full`. A load into an empty table is always a first load.

    `referring` is called before the keys are read that the source lacks: it waits until the table that names them is
    loaded. An interrupted load is resumed: its staged pages are not fetched again. It starts over if Snowflake no
    longer keeps the results.
    """
    state = pool.run_with_retry(lambda connection: source_state(connection, source))
    whole = full or state.empty or source.incremental == "whole"
    mode: BatchMode = "first" if state.empty else "full" if full else "incremental"
    statements = [queries.select(source)] if whole else _increment(pool, source, state, referring)
    made_of = _digest(source, statements, snowflake.settings)
    guard = None if full else _DeleteGuard(source, FEW_ROWS, "the source", f"runner load --source {source.name} --full")

    def start() -> load_plan.Plan:
        submitted = [snowflake.submit(statement.sql, statement.params) for statement in statements]
        return pool.run_with_retry(
            lambda connection: load_plan.begin(connection, source, mode, made_of=made_of, queries=submitted)
        )

    planned = pool.run_with_retry(lambda connection: load_plan.unfinished(connection, source, mode, made_of=made_of))
    results: list[Result] = []
    if planned:
        with suppress(RunnerError):  # the next statement says what is wrong with Snowflake, if anything
            results = _results(snowflake, planned)
    if not planned or not results:
        planned = start()
        results = _results(snowflake, planned)
    return load_planned(
        pool, planned, _remaining(pool, planned, results, progress), mode=mode, whole=whole, workers=snowflake.workers,
        progress=progress, guard=guard,
    )  # fmt: skip


def _results(snowflake: Snowflake, planned: load_plan.Plan) -> list[Result]:
    results = [snowflake.result(query_id) for query_id in planned.queries]
    if planned.chunks not in (None, [result.rows for result in results]):
        raise TransientError(f"{planned.source.name}: Snowflake has divided a result in another way: run it again")
    return results


def _remaining(pool: Pool, planned: load_plan.Plan, results: list[Result], progress: SourceProgress) -> list[Page]:
    chunks = [result.rows for result in results]
    pool.run_with_retry(lambda connection: load_plan.record_chunks(connection, planned, chunks))
    if planned.staged:
        progress.pages_resumed(len(planned.staged))
    remaining = [page for page in pages_of(results) if page.number not in planned.staged]
    progress.pages_planned(len(remaining))
    return remaining


def pages_of(results: Iterable[Result]) -> list[Page]:
    """The chunks of the results as pages, numbered through."""
    chunks = [(result, number) for result in results for number in range(len(result.rows))]
    return [
        Page(page, partial(result.read, number), result.bytes(number)) for page, (result, number) in enumerate(chunks)
    ]


def load_from_file(
    pool: Pool, source: Source, pages: Iterable[pa.Table], *, full: bool, progress: SourceProgress
) -> LoadResult:
    """Load the pages of a file. With `full`, or if the source is always read whole, they are the whole table.

    Without `full`, RunnerError if it would delete more than the source's `delete_limit`.
    """
    numbered = (Page(number, partial(lambda page: page, page)) for number, page in enumerate(pages))
    whole = full or source.incremental == "whole"
    guard = None if full else _DeleteGuard(source, 0, "the file", "--full")
    with closing(Workers(1)) as workers:
        return load_fetched(
            pool, source, numbered, mode="file", whole=whole, workers=workers, progress=progress, guard=guard
        )


def load_fetched(
    pool: Pool,
    source: Source,
    pages: Iterable[Page],
    *,
    mode: BatchMode,
    whole: bool,
    workers: Workers,
    progress: SourceProgress,
    scope: Composable = EVERYWHERE,
    guard: _DeleteGuard | None = None,
) -> LoadResult:
    """Load the pages, without resuming. With `whole`, they are all of the source within `scope`."""
    planned = pool.run_with_retry(lambda connection: load_plan.begin(connection, source, mode))
    return load_planned(
        pool, planned, pages, mode=mode, whole=whole, workers=workers, progress=progress, scope=scope, guard=guard
    )


def load_planned(
    pool: Pool,
    planned: load_plan.Plan,
    pages: Iterable[Page],
    *,
    mode: BatchMode,
    whole: bool,
    workers: Workers,
    progress: SourceProgress,
    scope: Composable = EVERYWHERE,
    guard: _DeleteGuard | None = None,
) -> LoadResult:
    """Stage the pages and apply the whole stage in one transaction. A refused load is not resumed."""
    begin, source = perf_counter(), planned.source
    fill_stage(pool, planned, pages, workers, progress)
    staged = pool.run_with_retry(lambda connection: load_plan.staged_counts(connection, source))

    def work(connection: Connection) -> Batch:
        if not load_plan.claim(connection, planned):
            return last_batch(connection, source)
        if whole and scope is EVERYWHERE:
            refuse_empty_source(connection, source, staged)
        batch = apply(connection, source, staged, mode=mode, whole=whole, started_at=planned.started_at, scope=scope)
        if guard:
            guard.check(connection, batch)
        load_plan.abandon(connection, planned)
        return batch

    try:
        batch = pool.run_with_retry(work)
    except load_plan.OvertakenError:
        raise
    except RunnerError as refusal:
        with pool.transaction() as connection:
            if isinstance(refusal, TooManyRejectsError):
                record_rejects(connection, source, None)
            load_plan.abandon(connection, planned)
        raise
    if batch.baseline:  # while its pages are in memory; a later refresh reads them again
        pool.vacuum(raw_schema.table(source))
    return LoadResult(
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
        pages_kept=len(planned.staged),
    )


def _increment(
    pool: Pool, source: Source, state: SourceState, referring: Callable[[], object]
) -> list[queries.Statement]:
    if state.highest_key is not None:
        referring()
        missing = pool.run_with_retry(lambda connection: missing_keys(connection, source, state.highest_key))
        return queries.above(source, state.highest_key, missing)
    if state.high_water_mark is None:
        return [queries.select(source)]
    return [queries.select(source, queries.newer_than(source, state.high_water_mark))]


def _digest(source: Source, statements: Iterable[queries.Statement], read: SnowflakeSettings) -> str:
    """What a load is made of: where it reads, what, and how that is converted."""
    made_of = [read.account, read.database, read.schema_, source.model_dump_json(), *map(repr, statements)]
    return sha256("\n".join(made_of).encode()).hexdigest()


def refuse_empty_source(connection: Connection, source: Source, staged: load_plan.StagedCounts) -> None:
    """RunnerError if a load of the whole source returned no usable row while the raw table has rows."""
    held = _one(connection, SQL("select exists (select from {})").format(raw_schema.table(source)))
    if held and staged.fetched == staged.rejected:
        raise RunnerError(
            f"{source.name}: the source returned no usable row, which would delete every row of raw.{source.name}:"
            f" check the source; to start over, drop raw.{source.name} manually"
        )


def _one(connection: Connection, query: Any, *params: Any) -> Any:
    row = connection.execute(query, params).fetchone()
    return row and row[0]
