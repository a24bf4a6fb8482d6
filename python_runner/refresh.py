"""Load the sources, then build the models: the operations behind the commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
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


@dataclass(frozen=True)
class Connections:
    """The open connections of a load; they may serve several loads."""

    pool: Pool
    snowflake: Snowflake
    target: str  # the schema that the loaded tables belong to


def maintain(
    postgres: PostgresSettings, listener: ProgressListener, *, parsed: dbt_build.ParsedProject | None = None
) -> None:
    """VACUUM and ANALYZE every table of the project."""
    with step(listener, "maintain"):
        dbt_build.run_operation(postgres, "maintain", parsed=parsed)


@contextmanager
def connect(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    listener: ProgressListener,
    guard: Guard = lambda: None,
) -> Iterator[Connections]:
    """Open the connections; `guard` is called before each transaction, and may raise to stop the load."""
    from python_runner.snowflake.client import Snowflake  # noqa: PLC0415  importing the connector takes a second

    with open_pool(postgres, guard) as pool, Snowflake(warehouse, on_retry=listener.message) as snowflake:
        yield Connections(pool, snowflake, postgres.dbt_pg_schema)


def load(
    connections: Connections, sources: list[Source], listener: ProgressListener, *, mode: LoadMode = "ordinary"
) -> list[LoadResult]:
    """Load the sources from Snowflake side by side. Those that can be loaded are, even if another one fails.

    The results are in the order of the sources. RunnerError says what failed.
    """
    pool, snowflake = connections.pool, connections.snowflake

    def load_one(source: Source, referring: Callable[[], object] = lambda: None) -> LoadResult:
        with snowflake.tally() as tally:
            progress = SourceProgressEmitter(listener, source.name, lambda: tally.waited_seconds)
            begin = perf_counter()
            if mode == "reconcile":
                loaded = reconcile(pool, snowflake, source, progress=progress)
            else:
                loaded = load_from_snowflake(
                    pool, snowflake, source, full=mode == "full", progress=progress, referring=referring
                )
            loaded = replace(
                loaded,
                seconds=perf_counter() - begin,
                retries=tally.retries,
                waited_seconds=round(tally.waited_seconds, 3),
            )
        listener.emit("loaded", **asdict(loaded))
        return loaded

    prepare(connections, sources, listener)
    loads: dict[str | None, Future[LoadResult]] = {}
    with ThreadPoolExecutor(len(sources), thread_name_prefix="load") as executor:
        try:
            for source in sources:
                referring = loads.get(source.referenced_by)
                loads[source.name] = executor.submit(load_one, source, *([referring.result] if referring else []))
            wait(loads.values())
        except BaseException:
            snowflake.workers.stop()
            raise
    return _all_results(loads.values())


def preview_reconcile(connections: Connections, sources: list[Source], listener: ProgressListener) -> list[Preview]:
    """What reconciling would change."""
    pool, snowflake = connections.pool, connections.snowflake
    prepare(connections, sources, listener)
    return [
        preview(
            pool,
            snowflake,
            source,
            progress=SourceProgressEmitter(listener, source.name, lambda: snowflake.waited_seconds),
        )
        for source in sources
    ]


def _all_results(loads: Iterable[Future[LoadResult]]) -> list[LoadResult]:
    failures = [failure for load in loads if (failure := load.exception())]
    texts = list(dict.fromkeys(map(str, failures)))
    if len(texts) > 1 and isinstance(failures[0], RunnerError):
        raise type(failures[0])("; ".join(texts)) from failures[0]
    return [load.result() for load in loads]


def run(
    postgres: PostgresSettings,
    connections: Connections,
    sources: list[Source],
    listener: ProgressListener,
    *,
    mode: LoadMode = "ordinary",
    lock: RunLock | None = None,
    parsed: dbt_build.ParsedProject | None = None,
) -> tuple[list[LoadResult], dbt_build.BuildResult]:
    """Load, then build. A full load is followed by a full refresh."""
    check_run(postgres)
    loaded = load(connections, sources, listener, mode=mode)
    return loaded, build(postgres, listener, full_refresh=mode == "full", lock=lock, parsed=parsed)


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
    parsed: dbt_build.ParsedProject | None = None,
) -> dbt_build.BuildResult:
    """Run `dbt build` and report each node; `parsed` saves parsing. RunnerError if the run lock is lost.

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
                lock_pid=lock.pid if lock else None, parsed=parsed,
            )  # fmt: skip

    if not full_refresh:
        return run_dbt("dbt build", "--exclude", "tag:full_check")
    parsed = None  # its vars differ
    compared = ["--vars", "{compare_rebuild: true}"]
    try:
        run_dbt("dbt build, to compare with", "--exclude-resource-type", "test")
    except RunnerError as error:  # the full refresh can repair the models
        listener.message(f"the rebuild has nothing to be compared with: {error}")
        compared = []
    return run_dbt("dbt build --full-refresh", "--full-refresh", *compared)


def prepare(connections: Connections, sources: list[Source], listener: ProgressListener) -> None:
    """Check the tables in Snowflake, and create those in Postgres. RunnerError says what is wrong."""
    check_columns(connections.snowflake, sources, warn=listener.message)
    create_tables(connections.pool, connections.target)


def create_tables(pool: Pool, target: str) -> None:
    """Create the tables of the declared sources that do not exist. RunnerError if they belong to another target."""

    def create(connection: Connection) -> None:
        raw_schema.create_tables(connection, list(read_sources().values()))
        record_owner(connection, target)

    with pool.transaction() as connection:
        check_rights(connection, [raw_schema.RAW])
        check_owner(connection, target)
    pool.run_with_retry(create)
