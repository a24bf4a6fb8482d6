"""`runner demo`: runs a first load, a day of changes and a refresh on local servers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from time import perf_counter
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from python_runner import refresh
from python_runner.console import report
from python_runner.console.progress import ProgressListener, step
from python_runner.demo import chain, embedded, processes, sample, stand_in
from python_runner.demo.chain_day import simulate_chain_day
from python_runner.demo.day import simulate_day
from python_runner.errors import RunnerError
from python_runner.project import PROJECT
from python_runner.settings import postgres_settings, snowflake_settings
from python_runner.sources import read_sources
from python_runner.warehouse import derive_sources

FOLDER = PROJECT / ".demo"
WAREHOUSE = FOLDER / "snowflake"
STANDBY = "standby"
DATABASE = "collectibles"
SETTINGS = ("SNOWFLAKE_", "DBT_", "PG", "DATABASE_", "DB_", "REDIS_", "API_", "SCHEDULE_")

TOP_FIVE = """
select display_name, total_moments, floor_value::float, asp_value::float
from public.top_wallets_by_value_snapshot
order by floor_value desc, wallet_address
limit 5
"""


def demo(scale: sample.Scale, listener: ProgressListener, *, from_events: bool = False) -> dict[str, Any]:
    """Fill a stand-in, load, build, simulate a day, load, build. Returns the results of each step.

    With `from_events`, the stand-in has the chain's events instead of the two tables that dbt derives from them.
    """
    stop()
    with step(listener, f"making a collection of {scale.moments:,} moments"):
        size = sample.generate(WAREHOUSE / f"{sample.DATABASE}.db", scale)
        events = chain.generate(WAREHOUSE / f"{sample.DATABASE}.db") if from_events else None
    with step(listener, "starting a stand-in for Snowflake and an embedded Postgres"):
        warehouse = stand_in.start(WAREHOUSE)
        url = _new_database(embedded.start(FOLDER).url)
    with _only({"DATABASE_URL": url, **warehouse.environment}):
        postgres, snowflake, sources = postgres_settings(None), snowflake_settings(None), read_sources()
        begin = perf_counter()
        with refresh.connect(postgres, snowflake, listener) as connections:
            derived = derive_sources(postgres, connections, listener) if from_events else None
            loaded = refresh.load(connections, list(sources.values()), listener)
            built = refresh.build(postgres, listener)
        first_seconds = perf_counter() - begin
        with step(listener, "simulating a day"):
            day = simulate_chain_day(warehouse) if from_events else simulate_day(warehouse)
        begin = perf_counter()
        with refresh.connect(postgres, snowflake, listener) as connections:
            rederived = derive_sources(postgres, connections, listener) if from_events else None
            reloaded = refresh.load(connections, list(sources.values()), listener)
            # A burned moment leaves no row to fetch, so only a reconciliation finds it.
            reloaded += refresh.load(connections, [sources["wallet_holdings"]], listener, mode="reconcile")
            refreshed = refresh.build(postgres, listener)
        refresh_seconds = perf_counter() - begin
    with psycopg.connect(url, row_factory=dict_row) as connection:
        top = connection.execute(TOP_FIVE).fetchall()
    return {
        "sample": asdict(size),
        "events": events and asdict(events),
        "first": {"derived": derived, "loaded": loaded, "built": built, "seconds": first_seconds},
        "day": asdict(day),
        "refresh": {"derived": rederived, "loaded": reloaded, "built": refreshed, "seconds": refresh_seconds},
        "top_wallets": top,
        "database_url": url,
    }


def print_story(result: dict[str, Any]) -> None:
    """Print the results for people."""
    say, first, second, size = report.console.print, result["first"], result["refresh"], result["sample"]
    say(
        f"[bold]The first load[/]: {size['metadata']:,} moments, {size['held']:,} held by {size['wallets']:,} wallets\n"
    )
    _print_derived(first)
    report.print_loads(first["loaded"])
    report.print_build(first["built"])
    day = ", ".join(f"{count:,} {what}" for what, count in result["day"].items())
    say(f"\n[bold]A day later[/]: {day}\n")
    _print_derived(second)
    report.print_loads(second["loaded"])
    report.print_build(second["built"])
    say(f"\nFirst load and build {first['seconds']:.1f} s, refresh {second['seconds']:.1f} s.\n")
    report.print_rows("the most valuable wallets", result["top_wallets"])
    say("Postgres and the stand-in keep running.")
    say("  make psql   opens psql on the result")
    say('  eval "$(.venv/bin/runner demo --env)"   lets every other command of runner use both')
    say("  make stop   stops both and removes their data")


def _print_derived(part: dict[str, Any]) -> None:
    if part["derived"]:
        report.console.print("The source tables, derived from the events of the chain on Snowflake:")
        report.print_build(part["derived"])
        report.console.print()


def psql() -> None:
    """Replace this process with psql on the demo's database."""
    server = embedded.start(FOLDER) if FOLDER.exists() else None
    if server is None:
        raise RunnerError("there is no demo database: run `make demo` first")
    os.execv(server.psql, [str(server.psql), make_conninfo(server.url, dbname=DATABASE)])  # noqa: S606


def environment() -> dict[str, str]:
    """The environment variables that connect the runner to the demo's servers."""
    warehouse = stand_in.running(WAREHOUSE)
    if warehouse is None:
        raise RunnerError("there is no demo: run `make demo` first")
    url = make_conninfo(embedded.start(FOLDER).url, dbname=DATABASE)
    return {"DATABASE_URL": url, **warehouse.environment}


def surroundings(settings: dict[str, str]) -> dict[str, str]:
    """The environment of this process, with these settings and no others of the runner, which may be production's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)} | settings


@contextmanager
def alone(notify: Callable[[str], None]) -> Iterator[None]:
    """One command at a time starts or stops the demo; another one waits until it has ended."""
    with FOLDER.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notify("waiting for another command that starts or stops the demo")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stop(*, remove: bool = True) -> None:
    """Stop every process of the demo, even if one of them does not stop, and remove the data."""
    with ExitStack() as last_to_first:
        last_to_first.callback(embedded.stop, FOLDER, remove=remove)
        last_to_first.callback(stand_in.stop, WAREHOUSE)
        last_to_first.callback(embedded.stop, FOLDER / STANDBY, remove=True)
        last_to_first.callback(processes.end, FOLDER)


def _new_database(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)")
        connection.execute(f"create database {DATABASE}")
    return make_conninfo(url, dbname=DATABASE)


@contextmanager
def _only(settings: dict[str, str]) -> Iterator[None]:
    """Give this process only the environment of the demo's servers; `.env` is not read."""
    before, only = dict(os.environ), surroundings(settings)

    def become(environment: dict[str, str]) -> None:
        os.environ.clear()
        os.environ.update(environment)

    become(only)
    try:
        yield
    finally:
        become(before)
