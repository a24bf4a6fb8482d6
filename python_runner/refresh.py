"""The steps behind the commands: load the sources, build the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from python_runner.console.progress import Narrator, SourceMeter, step
from python_runner.errors import RunnerError
from python_runner.ingest.load import Loaded, load_from_file, load_from_snowflake
from python_runner.ingest.reconcile import Preview, preview, reconcile
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Guard, Pool, open_pool
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.snowflake.schema_check import check_columns
from python_runner.sources import Source, read_sources
from python_runner.transform import dbt_build

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

How = Literal["ordinary", "full", "reconcile"]


def load(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    narrator: Narrator,
    *,
    how: How = "ordinary",
    guard: Guard = lambda: None,
) -> list[Loaded]:
    """Load the sources from Snowflake, one after the other, in the declared order; `guard` may raise to stop it."""

    def load_one(pool: Pool, snowflake: Snowflake, source: Source) -> Loaded:
        meter = SourceMeter(narrator, source.name, lambda: snowflake.waited_seconds)
        begin, retries, waited = perf_counter(), snowflake.retries, snowflake.waited_seconds
        if how == "reconcile":
            loaded = reconcile(pool, snowflake, source, meter=meter)
        else:
            loaded = load_from_snowflake(pool, snowflake, source, full=how == "full", meter=meter)
        loaded = replace(
            loaded,
            seconds=perf_counter() - begin,
            retries=snowflake.retries - retries,
            waited_seconds=round(snowflake.waited_seconds - waited, 3),
        )
        narrator.tell("loaded", **asdict(loaded))
        return loaded

    with _opened(postgres, warehouse, sources, narrator, guard) as (pool, snowflake):
        return [load_one(pool, snowflake, source) for source in sources]


def preview_reconcile(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    narrator: Narrator,
    *,
    guard: Guard = lambda: None,
) -> list[Preview]:
    """What reconciling would change."""
    with _opened(postgres, warehouse, sources, narrator, guard) as (pool, snowflake):
        return [
            preview(
                pool,
                snowflake,
                source,
                meter=SourceMeter(narrator, source.name, lambda: snowflake.waited_seconds),
            )
            for source in sources
        ]


def load_file(
    postgres: PostgresSettings,
    source: Source,
    pages: Iterable[pa.Table],
    narrator: Narrator,
    *,
    full: bool = False,
    guard: Guard = lambda: None,
) -> Loaded:
    """Load one source from the pages of a file."""
    with open_pool(postgres, guard) as pool:
        _create_tables(pool)
        loaded = load_from_file(pool, source, pages, full=full, meter=SourceMeter(narrator, source.name))
    narrator.tell("loaded", **asdict(loaded))
    return loaded


def build(
    postgres: PostgresSettings, narrator: Narrator, *, full_refresh: bool = False, guard: Guard = lambda: None
) -> dbt_build.Built:
    """`dbt build`, told node by node.

    Without the unit tests, whose inputs are fixed: they are for CI. The tests that join everything anew come
    with a full refresh alone: an ordinary one should cost what changed. Before a full refresh the models are built as
    on any day, so that what they have become can be compared with their rebuild.
    """

    def on_node(name: str, total: int | None) -> None:
        if total:
            narrator.tell("planned", total=total)
        else:
            narrator.tell("node", name=name)

    def run_dbt(title: str, *arguments: str) -> dbt_build.Built:
        guard()
        with step(narrator, title):
            return dbt_build.build(postgres, "--exclude-resource-type", "unit_test", *arguments, on_node=on_node)

    if not full_refresh:
        return run_dbt("dbt build", "--exclude", "tag:reconcile")
    compared = ["--vars", "{compare_rebuild: true}"]
    try:
        run_dbt("dbt build, to compare with", "--exclude-resource-type", "test")
    except RunnerError as error:  # which the full refresh may mend
        narrator.tell("message", text=f"the rebuild has nothing to be compared with: {error}")
        compared = []
    return run_dbt("dbt build --full-refresh", "--full-refresh", *compared)


@contextmanager
def _opened(
    postgres: PostgresSettings, warehouse: SnowflakeSettings, sources: list[Source], narrator: Narrator, guard: Guard
) -> Iterator[tuple[Pool, Snowflake]]:
    from python_runner.snowflake.client import Snowflake  # noqa: PLC0415  importing the connector takes a second

    def say(text: str) -> None:
        narrator.tell("message", text=text)

    with open_pool(postgres, guard) as pool, Snowflake(warehouse, on_retry=say) as snowflake:
        check_columns(snowflake, sources, warn=say)
        _create_tables(pool)
        yield pool, snowflake


def _create_tables(pool: Pool) -> None:
    pool.persist(lambda connection: raw_schema.create_tables(connection, list(read_sources().values())))
