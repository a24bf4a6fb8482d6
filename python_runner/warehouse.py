"""What dbt computes on Snowflake: the source tables from the events of the chain, and the published tables."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from python_runner.console.progress import ProgressListener, SourceProgressEmitter, step
from python_runner.ingest.transfer import Transfer, staged
from python_runner.marts import read_marts
from python_runner.postgres.pool import open_pool
from python_runner.postgres.run_lock import RunLock
from python_runner.refresh import create_tables
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.snowflake.schema_check import check_columns
from python_runner.sources import read_sources
from python_runner.transform import dbt_build

TARGET = ("--target", "snowflake", "--target-path", "target/snowflake")
CHAIN, MARTS = "path:models/snowflake", "path:models/marts"


@dataclass(frozen=True)
class Moved:
    """The published tables: how they were built on Snowflake, what travelled, and how Postgres took it."""

    on_snowflake: dbt_build.BuildResult
    transferred: list[Transfer]
    on_postgres: dbt_build.BuildResult


def derive_sources(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    listener: ProgressListener,
    *,
    full_refresh: bool = False,
    lock: RunLock | None = None,
) -> dbt_build.BuildResult:
    """Derive the source tables from the events of the chain. RunnerError names what fails."""
    from python_runner.snowflake.client import Snowflake  # noqa: PLC0415  importing the connector takes a second

    with Snowflake(warehouse, on_retry=listener.message) as snowflake:
        snowflake.fetch("select 1")  # says what is wrong with the login in one line
    full = ("--full-refresh",) if full_refresh else ()
    return _dbt(
        postgres, listener, lock, "dbt build of the source tables on Snowflake", *TARGET, "--select", CHAIN, *full
    )


def move_marts(
    postgres: PostgresSettings,
    warehouse: SnowflakeSettings,
    listener: ProgressListener,
    *,
    lock: RunLock | None = None,
) -> Moved:
    """Build the published tables on Snowflake, and take over in Postgres what differs. RunnerError names what fails."""
    from python_runner.snowflake.client import Snowflake  # noqa: PLC0415  importing the connector takes a second

    with Snowflake(warehouse, on_retry=listener.message) as snowflake:
        check_columns(snowflake, list(read_sources().values()), warn=listener.message)
    built = _dbt(
        postgres, listener, lock, "dbt build of the published tables on Snowflake", *TARGET,
        "--select", f"+{MARTS}", "--exclude", CHAIN,
    )  # fmt: skip
    with (
        open_pool(postgres, lock.check if lock else lambda: None) as pool,
        Snowflake(warehouse, on_retry=listener.message) as snowflake,
    ):
        create_tables(pool, postgres.dbt_pg_schema)
        progress = lambda name: SourceProgressEmitter(listener, name, lambda: snowflake.waited_seconds)  # noqa: E731
        with staged(pool, snowflake, read_marts(), progress) as transferred:
            taken = _dbt(
                postgres, listener, lock, "dbt build of what differs on Postgres",
                "--select", MARTS, "--exclude-resource-type", "test", "--vars", "{transfer_marts: true}",
            )  # fmt: skip
    return Moved(built, transferred, taken)


def _dbt(
    postgres: PostgresSettings, listener: ProgressListener, lock: RunLock | None, title: str, *arguments: str
) -> dbt_build.BuildResult:
    def on_node(name: str, total: int | None) -> None:
        if total:
            listener.emit("planned", total=total)
        else:
            listener.emit("node", name=name)

    with lock.watched() if lock else nullcontext(), step(listener, title):
        return dbt_build.build(
            postgres, "--exclude-resource-type", "unit_test", *arguments, on_node=on_node,
            lock_pid=lock.pid if lock else None,
        )  # fmt: skip
