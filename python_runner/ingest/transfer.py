"""Fetches the published tables that are built on Snowflake into stages, from which dbt takes what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from python_runner.errors import RunnerError
from python_runner.ingest import load_plan
from python_runner.ingest.load import pages_of
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import fill_stage
from python_runner.postgres.pool import Pool
from python_runner.snowflake import queries
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake


@dataclass(frozen=True)
class Transfer:
    """A published table that was fetched from Snowflake."""

    table: str
    rows: int
    seconds: float


@contextmanager
def staged(
    pool: Pool, snowflake: Snowflake, marts: Sequence[Source], progress: Callable[[str], SourceProgress]
) -> Iterator[list[Transfer]]:
    """Stage each table in raw.<table>_stage. The stages are dropped at the end, also if it fails."""
    plans: list[load_plan.Plan] = []
    try:
        yield [_stage(pool, snowflake, mart, plans, progress(mart.name)) for mart in marts]
    finally:
        for plan in plans:
            pool.run_with_retry(partial(load_plan.abandon, plan=plan))


def _stage(
    pool: Pool, snowflake: Snowflake, mart: Source, plans: list[load_plan.Plan], progress: SourceProgress
) -> Transfer:
    begin = perf_counter()
    plan = pool.run_with_retry(lambda connection: load_plan.begin(connection, mart, "marts"))
    plans.append(plan)
    statement = queries.select(mart)
    pages = pages_of([snowflake.result(snowflake.submit(statement.sql, statement.params))])
    progress.pages_planned(len(pages))
    fill_stage(pool, plan, pages, snowflake.workers, progress)
    counts = pool.run_with_retry(lambda connection: load_plan.staged_counts(connection, mart))
    if counts.rejected or counts.nulled:
        raise RunnerError(
            f"{mart.name}: {counts.rejected + counts.nulled:,} of the {counts.fetched:,} rows that Snowflake built have"
            " values that Postgres does not take: compare the table with models/marts"
        )
    return Transfer(mart.name, counts.fetched, perf_counter() - begin)
