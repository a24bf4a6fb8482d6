"""`python -m benchmarks.load [ROUTE …]`: how fast the loader is, beside the other ways into the same table.

DATABASE_URL names a database that may be emptied (for dlt with host and password). A stand-in for Snowflake is started
with so many holdings; all routes but COPY read from it. Each runs in a process of its own: its rows a second, and the
most memory it took.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg
import snowflake.connector
from psycopg.sql import SQL, Identifier

from python_runner import extract, raw
from python_runner.demo import sample, stand_in
from python_runner.load import load_from_snowflake
from python_runner.postgres import open_pool
from python_runner.reconcile import reconcile
from python_runner.settings import postgres_settings, snowflake_settings
from python_runner.snowflake import Snowflake
from python_runner.sources import read_sources
from python_runner.stage import Meter
from tests.runner.proxy import in_front_of

HOLDINGS = read_sources()["wallet_holdings"]
ROWS, PAGES = "rows.csv", "pages.json"
OTHER = SQL("create table bench.{} (like raw.wallet_holdings including indexes)")
UPSERT = """
insert into bench.{} {}
on conflict (nft_id) do update set
    wallet_address = excluded.wallet_address, is_locked = excluded.is_locked, last_event_ts = excluded.last_event_ts,
    batch_id = excluded.batch_id
"""
# A hundredth of the holdings each: those that move, and those that are burned.
MOVED = (
    "update {} set wallet_address = '0x0123456789abcdef', last_event_ts = current_timestamp::timestamp_ntz"
    " where try_cast(nft_id as bigint) % 100 = {}"
)
BURNED = "delete from {} where try_cast(nft_id as bigint) % 100 = {}"
# Ten of each, whose time says nothing of it.
FEW = "(select nft_id from {0} where try_cast(nft_id as bigint) is not null order by md5(nft_id || '{1}') limit 10)"
LOCKED = f"update {{0}} set is_locked = not is_locked where nft_id in {FEW}"
GONE = f"delete from {{0}} where nft_id in {FEW}"
# What a request to Snowflake takes on its way, and the default limit of statements.
LATENCY, LIMIT = 0.5, "2"


@dataclass(frozen=True)
class Figures:
    """What a route did.

    `apply_seconds` is what was left to do when the last row was staged, `waited_seconds` what was spent waiting for
    the rate limit, over all workers.
    """

    rows: int
    seconds: float
    apply_seconds: float | None = None
    waited_seconds: float | None = None


class Clock(Meter):
    """Notes when the last page was staged."""

    staged_at = 0.0

    def page(self, rows: int) -> None:  # noqa: ARG002
        """One more."""
        self.staged_at = perf_counter()


def ours(*, full: bool = False) -> Figures:
    """An ordinary load of ours, or a full one."""
    clock, begin = Clock(), perf_counter()
    with open_pool(postgres_settings()) as pool, Snowflake(snowflake_settings()) as warehouse:
        pool.persist(lambda connection: raw.create_tables(connection, [HOLDINGS]))
        loaded = load_from_snowflake(pool, warehouse, HOLDINGS, full=full, meter=clock)
        waited = warehouse.waited_seconds
    end = perf_counter()
    return Figures(loaded.rows_fetched, end - begin, end - clock.staged_at, waited)


def reconciled() -> Figures:
    """Checksums of both sides, and the rows that travel."""
    begin = perf_counter()
    with open_pool(postgres_settings()) as pool, Snowflake(snowflake_settings()) as warehouse:
        loaded = reconcile(pool, warehouse, HOLDINGS, meter=Meter())
    return Figures(loaded.rows_fetched, perf_counter() - begin)


def drain() -> Figures:
    """One reader that throws away what it reads."""
    begin, rows = perf_counter(), 0
    with Snowflake(snowflake_settings()) as warehouse:
        for page in extract.pages(warehouse, HOLDINGS):
            rows += len(warehouse.fetch(page.sql, page.params))
    return Figures(rows, perf_counter() - begin)


def copy() -> Figures:
    """COPY of a CSV file, sorted by key, into the empty table with its primary key."""
    with other("copied") as connection:
        begin = perf_counter()
        with (
            Path(os.environ["BENCH_FOLDER"], ROWS).open("rb") as file,
            connection.cursor().copy("copy bench.copied from stdin with (format csv)") as sink,
        ):
            while block := file.read(1 << 20):
                sink.write(block)
        connection.commit()
        return Figures(held(connection, "bench.copied"), perf_counter() - begin)


def insert() -> Figures:
    """INSERT of a thousand literal rows each, ON CONFLICT, a page after the other."""
    with other("inserted") as connection, Snowflake(snowflake_settings()) as warehouse:
        begin, cursor = perf_counter(), psycopg.RawCursor(connection)
        for page in extract.pages(warehouse, HOLDINGS):
            newest = {
                row[0]: row for row in zip(*warehouse.fetch(page.sql, page.params).to_pydict().values(), strict=True)
            }
            rows = [
                f"({key}, '{wallet}', {locked}, '{event}', 0)".replace("'None'", "null")
                for key, wallet, locked, event in newest.values()
                if str(key).isdigit() and wallet and locked is not None
            ]
            for first in range(0, len(rows), 1000):
                cursor.execute(UPSERT.format("inserted", "values " + ", ".join(rows[first : first + 1000])))
            connection.commit()
        return Figures(held(connection, "bench.inserted"), perf_counter() - begin)


def upsert() -> Figures:
    """The bare INSERT … ON CONFLICT of rows that are staged already."""
    with psycopg.connect(postgres_settings().conninfo) as connection:
        begin = perf_counter()
        connection.execute(UPSERT.format("before", "table bench.staged"))
        connection.commit()
        return Figures(held(connection, "bench.staged"), perf_counter() - begin)


ROUTES: dict[str, Callable[[], Figures]] = {
    "first": ours,
    "drain": drain,
    "copy": copy,
    "insert": insert,
    "incremental": ours,
    "upsert": upsert,
    "full": lambda: ours(full=True),
    "reconcile": reconciled,
    "limited": ours,
}
WITH_DLT = ("dlt_stock", "dlt_tuned")


@contextmanager
def other(name: str) -> Iterator[psycopg.Connection[Any]]:
    """An empty table bench.<name> with the columns and the key of raw.wallet_holdings."""
    with psycopg.connect(postgres_settings().conninfo) as connection:
        connection.execute(SQL("drop table if exists bench.{}").format(Identifier(name)))
        connection.execute(OTHER.format(Identifier(name)))
        connection.commit()
        yield connection


def held(connection: psycopg.Connection[Any], table: str) -> int:
    """Rows of a table."""
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def main() -> None:
    """Run the routes in their order, and print a row of JSON for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("routes", nargs="*", default=[*ROUTES, *WITH_DLT], metavar="ROUTE")
    parser.add_argument("--held", type=int, default=sample.FULL_HELD, help="holdings in the source")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(asdict(ROUTES[options.routes[0]]()) | {"peak_mib": peak_mib()}))  # noqa: T201
        return
    with TemporaryDirectory(prefix="bench-") as folder, warehouse(Path(folder), options.held):
        prepare()
        for route in ["first", *(route for route in options.routes if route != "first")]:
            before(route)
            with slowed() if route == "limited" else nullcontext():
                print(route, json.dumps(measured(route)), flush=True)  # noqa: T201
            after(route)


@contextmanager
def warehouse(folder: Path, rows: int) -> Iterator[None]:
    """A stand-in with so many holdings, without a limit that would be felt."""
    scale = sample.Scale(round(rows * sample.FULL_MOMENTS / sample.FULL_HELD))
    sample.generate(folder / f"{sample.DATABASE}.db", scale)
    try:
        served = stand_in.start(folder).environment
        os.environ.update({"SNOWFLAKE_RATE_LIMIT_RPS": "1000", "BENCH_FOLDER": str(folder)} | served)
        yield
    finally:
        stand_in.stop(folder)


@contextmanager
def slowed() -> Iterator[None]:
    """Snowflake as it is: far away, and behind the default limit."""
    before = dict(os.environ)
    with in_front_of(int(os.environ["SNOWFLAKE_PORT"])) as proxy:
        proxy.latency = LATENCY
        os.environ.update(SNOWFLAKE_PORT=str(proxy.port), SNOWFLAKE_RATE_LIMIT_RPS=LIMIT)
        try:
            yield
        finally:
            os.environ.update(before)
    print(f"{len(proxy.statements)} statements, at most {proxy.most_in_a_second()} in a second", flush=True)  # noqa: T201


def peak_mib() -> float:
    """The most memory that this process has held."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def prepare() -> None:
    """Nothing of an earlier run."""
    with psycopg.connect(postgres_settings().conninfo) as connection:
        connection.execute("drop schema if exists raw, bench cascade; create schema bench")


def before(route: str) -> None:
    """What changes in the source, and what must be there, before a route is measured."""
    if route == "incremental":
        with other("before") as connection:
            connection.execute("insert into bench.before select * from raw.wallet_holdings")
        change(MOVED.format(HOLDINGS.snowflake_table, 7))
    if route == "reconcile":
        change(LOCKED.format(HOLDINGS.snowflake_table, 1), GONE.format(HOLDINGS.snowflake_table, 2))
    if route == "limited":
        prepare()
    if route == "full":
        change(MOVED.format(HOLDINGS.snowflake_table, 8), BURNED.format(HOLDINGS.snowflake_table, 9))
    with psycopg.connect(postgres_settings().conninfo, autocommit=True) as connection:
        connection.execute("checkpoint")


def after(route: str) -> None:
    """What later routes need of an earlier one."""
    folder = Path(os.environ["BENCH_FOLDER"])
    with psycopg.connect(postgres_settings().conninfo) as connection:
        if route == "first":
            rows = connection.cursor().copy(
                "copy (table raw.wallet_holdings order by nft_id) to stdout with (format csv)"
            )
            with (folder / ROWS).open("wb") as file, rows as source:
                file.writelines(source)
            with Snowflake(snowflake_settings()) as source:
                pages = [page.sql % page.params for page in extract.pages(source, HOLDINGS)]
            (folder / PAGES).write_text(json.dumps(pages))
        if route == "incremental":
            connection.execute(
                "create table bench.staged as select * from raw.wallet_holdings"
                " where batch_id = (select max(batch_id) from raw.wallet_holdings)"
            )


def change(*statements: str) -> None:
    """Change the source."""
    with snowflake.connector.connect(**snowflake_settings().connect_args(), network_timeout=0) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def measured(route: str) -> dict[str, float]:
    """Run the route in a process of its own."""
    here = Path(__file__).parent
    command = (
        ["uv", "run", "--quiet", "--no-project", "--script", str(here / "with_dlt.py"), route]
        if route in WITH_DLT
        else [sys.executable, "-m", "benchmarks.load", "--here", route]
    )
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    figures = json.loads(child.stdout.splitlines()[-1])
    rate = round(figures["rows"] / figures["seconds"])
    return {name: round(value, 2) for name, value in figures.items() if value is not None} | {"rows_per_second": rate}


if __name__ == "__main__":
    main()
