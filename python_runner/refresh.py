"""Load the sources, then build the models: the operations behind the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from python_runner.console.progress import ProgressListener, SourceProgressEmitter, step
from python_runner.errors import RunnerError
from python_runner.ingest.load import LoadResult, load_from_file, load_from_snowflake
from python_runner.ingest.reconcile import Preview, preview, reconcile
from python_runner.postgres import raw_schema
from python_runner.postgres.ownership import check_owner, record_owner
from python_runner.postgres.pool import Connection, Guard, Pool, open_pool
from python_runner.postgres.rights import check_rights, failures_schema
from python_runner.postgres.run_lock import RunLock
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.snowflake.schema_check import check_columns
from python_runner.sources import Source, read_sources
from python_runner.transform import dbt_build
from python_runner.transform.dbt_profile import check_connection

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

LoadMode = Literal["ordinary", "full", "reconcile"]


def load(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    listener: ProgressListener,
    *,
    mode: LoadMode = "ordinary",
    guard: Guard = lambda: None,
) -> list[LoadResult]:
    """Load the sources from Snowflake, one after the other, in the declared order; `guard` may raise to stop it."""

    def load_one(pool: Pool, snowflake: Snowflake, source: Source) -> LoadResult:
        progress = SourceProgressEmitter(listener, source.name, lambda: snowflake.waited_seconds)
        begin, retries, waited = perf_counter(), snowflake.retries, snowflake.waited_seconds
        if mode == "reconcile":
            loaded = reconcile(pool, snowflake, source, progress=progress)
        else:
            loaded = load_from_snowflake(pool, snowflake, source, full=mode == "full", progress=progress)
        loaded = replace(
            loaded,
            seconds=perf_counter() - begin,
            retries=snowflake.retries - retries,
            waited_seconds=round(snowflake.waited_seconds - waited, 3),
        )
        listener.emit("loaded", **asdict(loaded))
        return loaded

    with _opened(postgres, warehouse, sources, listener, guard) as (pool, snowflake):
        return [load_one(pool, snowflake, source) for source in sources]


def preview_reconcile(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    listener: ProgressListener,
    *,
    guard: Guard = lambda: None,
) -> list[Preview]:
    """What reconciling would change."""
    with _opened(postgres, warehouse, sources, listener, guard) as (pool, snowflake):
        return [
            preview(
                pool,
                snowflake,
                source,
                progress=SourceProgressEmitter(listener, source.name, lambda: snowflake.waited_seconds),
            )
            for source in sources
        ]


def load_file(
    postgres: PostgresSettings,
    source: Source,
    pages: Iterable[pa.Table],
    listener: ProgressListener,
    *,
    full: bool = False,
    guard: Guard = lambda: None,
) -> LoadResult:
    """Load one source from the pages of a file."""
    with open_pool(postgres, guard) as pool:
        create_tables(pool, postgres.dbt_pg_schema)
        loaded = load_from_file(pool, source, pages, full=full, progress=SourceProgressEmitter(listener, source.name))
    listener.emit("loaded", **asdict(loaded))
    return loaded


def check_run(postgres: PostgresSettings) -> None:
    """Check that dbt can connect too, the rights, and whose the loaded tables are. RunnerError says what is missing."""
    check_connection(postgres)
    target = postgres.dbt_pg_schema
    with open_pool(postgres) as pool, pool.transaction() as connection:
        check_rights(connection, [raw_schema.RAW, "delta", target, failures_schema(target)])
        check_owner(connection, target)


def build(
    postgres: PostgresSettings,
    listener: ProgressListener,
    *,
    full_refresh: bool = False,
    lock: RunLock | None = None,
) -> dbt_build.BuildResult:
    """Run `dbt build` and report each node. RunnerError if the run lock is lost.

    Unit tests have fixed inputs and run in CI only. Tests that join whole tables run only in a full refresh, because
    an ordinary refresh must cost no more than what changed. A full refresh first builds the models incrementally, so
    that the result can be compared with the rebuild.
    """

    def on_node(name: str, total: int | None) -> None:
        if total:
            listener.emit("planned", total=total)
        else:
            listener.emit("node", name=name)

    def run_dbt(title: str, *arguments: str) -> dbt_build.BuildResult:
        with lock.watched() if lock else nullcontext(), step(listener, title):
            return dbt_build.build(
                postgres, "--exclude-resource-type", "unit_test", *arguments, on_node=on_node,
                lock_pid=lock.pid if lock else None,
            )  # fmt: skip

    if not full_refresh:
        return run_dbt("dbt build", "--exclude", "tag:full_check")
    compared = ["--vars", "{compare_rebuild: true}"]
    try:
        run_dbt("dbt build, to compare with", "--exclude-resource-type", "test")
    except RunnerError as error:  # the full refresh can repair the models
        listener.message(f"the rebuild has nothing to be compared with: {error}")
        compared = []
    return run_dbt("dbt build --full-refresh", "--full-refresh", *compared)


@contextmanager
def _opened(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    sources: list[Source],
    listener: ProgressListener,
    guard: Guard,
) -> Iterator[tuple[Pool, Snowflake]]:
    from python_runner.snowflake.client import Snowflake  # noqa: PLC0415  importing the connector takes a second

    def say(text: str) -> None:
        listener.emit("message", text=text)

    with open_pool(postgres, guard) as pool, Snowflake(warehouse, on_retry=say) as snowflake:
        check_columns(snowflake, sources, warn=say)
        create_tables(pool, postgres.dbt_pg_schema)
        yield pool, snowflake


def create_tables(pool: Pool, target: str) -> None:
    """Create the tables of the declared sources that do not exist. RunnerError if they belong to another target."""

    def create(connection: Connection) -> None:
        raw_schema.create_tables(connection, list(read_sources().values()))
        record_owner(connection, target)

    with pool.transaction() as connection:
        check_rights(connection, [raw_schema.RAW])
        check_owner(connection, target)
    pool.run_with_retry(create)
