"""What dbt computes on Snowflake: the source tables from the events of the chain, and the published tables."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from python_runner.console.progress import ProgressListener, SourceProgressEmitter, step
from python_runner.ingest.transfer import Transfer, staged
from python_runner.marts import read_marts
from python_runner.postgres.run_lock import RunLock
from python_runner.refresh import Connections, prepare
from python_runner.settings import PostgresSettings
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
    connections: Connections,
    listener: ProgressListener,
    *,
    full_refresh: bool = False,
    lock: RunLock | None = None,
) -> dbt_build.BuildResult:
    """Derive the source tables from the events of the chain. RunnerError names what fails."""
    connections.snowflake.fetch("select 1")  # says what is wrong with the login in one line
    full = ("--full-refresh",) if full_refresh else ()
    title = "dbt build of the source tables on Snowflake"
    return _dbt(postgres, listener, lock, title, *TARGET, "--select", CHAIN, *full)


def move_marts(
    postgres: PostgresSettings, connections: Connections, listener: ProgressListener, *, lock: RunLock | None = None
) -> Moved:
    """Build the published tables on Snowflake, and take over in Postgres what differs. RunnerError names what fails."""

    def progress(name: str) -> SourceProgressEmitter:
        return SourceProgressEmitter(listener, name, lambda: connections.snowflake.waited_seconds)

    prepare(connections, list(read_sources().values()), listener)
    title = "dbt build of the published tables on Snowflake"
    built = _dbt(postgres, listener, lock, title, *TARGET, "--select", f"+{MARTS}", "--exclude", CHAIN)
    with staged(connections.pool, connections.snowflake, read_marts(), progress) as transferred:
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
