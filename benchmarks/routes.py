"""The ways to load the held moments: `python -m benchmarks.routes ROUTE` takes one, in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from python_runner.ingest.load import load_from_snowflake
from python_runner.ingest.reconcile import reconcile
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import open_pool
from python_runner.settings import postgres_settings, snowflake_settings
from python_runner.snowflake import queries
from python_runner.snowflake.client import Snowflake
from python_runner.snowflake.results import Result
from python_runner.snowflake.workers import Task
from python_runner.sources import read_sources

HOLDINGS = read_sources()["wallet_holdings"]
ROWS, STATEMENT = "rows.csv", "statement.sql"
OTHER = SQL("create table bench.{} (like raw.wallet_holdings including indexes)")
UPSERT = """
insert into bench.{} {}
on conflict (nft_id) do update set
    wallet_address = excluded.wallet_address, is_locked = excluded.is_locked, last_event_ts = excluded.last_event_ts,
    batch_id = excluded.batch_id
"""


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


class Clock(SourceProgress):
    """Notes when the last page was staged."""

    staged_at = 0.0

    def page_staged(self, rows: int) -> None:  # noqa: ARG002
        """One more."""
        self.staged_at = perf_counter()


def ours(*, full: bool = False) -> Figures:
    """An ordinary load of ours, or a full one."""
    clock, begin = Clock(), perf_counter()
    with open_pool(postgres_settings()) as pool, Snowflake(snowflake_settings()) as warehouse:
        pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, [HOLDINGS]))
        loaded = load_from_snowflake(pool, warehouse, HOLDINGS, full=full, progress=clock)
        waited = warehouse.waited_seconds
    end = perf_counter()
    return Figures(loaded.rows_fetched, end - begin, end - clock.staged_at, waited)


def reconciled() -> Figures:
    """Checksums of both sides, and the rows that travel."""
    begin = perf_counter()
    with open_pool(postgres_settings()) as pool, Snowflake(snowflake_settings()) as warehouse:
        loaded = reconcile(pool, warehouse, HOLDINGS, progress=SourceProgress())
    return Figures(loaded.rows_fetched, perf_counter() - begin)


def drain() -> Figures:
    """One statement, whose chunks are fetched as ours are, and thrown away."""
    begin = perf_counter()
    with Snowflake(snowflake_settings()) as warehouse:
        result = whole(warehouse)
        warehouse.workers.run(Task(partial(result.read, n), result.bytes(n)) for n in range(len(result.rows)))
    return Figures(sum(result.rows), perf_counter() - begin)


def whole(warehouse: Snowflake) -> Result:
    """The result of the statement that reads all holdings."""
    statement = queries.select(HOLDINGS)
    return warehouse.result(warehouse.submit(statement.sql, statement.params))


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


def insert(at_once: int = 1000, most: int | None = None) -> Figures:
    """INSERT of so many literal rows each, ON CONFLICT, a chunk after the other, committed chunk by chunk.

    Without `most`, it stops after a tenth of the rows: the rate is what counts.
    """
    with other("inserted") as connection, Snowflake(snowflake_settings()) as warehouse:
        begin, cursor = perf_counter(), psycopg.RawCursor(connection)
        result, done = whole(warehouse), 0
        most = most or sum(result.rows) // 10
        for number in range(len(result.rows)):
            newest = {row[0]: row for row in zip(*result.read(number).to_pydict().values(), strict=True)}
            rows = [
                f"({key}, '{wallet}', {locked}, '{event}', 0)".replace("'None'", "null")
                for key, wallet, locked, event in newest.values()
                if str(key).isdigit() and wallet and locked is not None
            ][: most - done]
            for first in range(0, len(rows), at_once):
                cursor.execute(UPSERT.format("inserted", "values " + ", ".join(rows[first : first + at_once])))
            connection.commit()
            done += len(rows)
            if done == most:
                break
        return Figures(held(connection, "bench.inserted"), perf_counter() - begin)


def insert_rows() -> Figures:
    """INSERT of a row each, of the first ones alone."""
    return insert(at_once=1, most=20_000)


def upsert() -> Figures:
    """The bare INSERT … ON CONFLICT of rows that are staged already."""
    with psycopg.connect(postgres_settings().conninfo) as connection:
        begin = perf_counter()
        connection.execute(UPSERT.format("before", "table bench.staged"))
        connection.commit()
        return Figures(held(connection, "bench.staged"), perf_counter() - begin)


# In this order: later ones need what earlier ones have left.
ROUTES: dict[str, Callable[[], Figures]] = {
    "ours": ours,
    "drain": drain,
    "copy": copy,
    "insert": insert,
    "insert_rows": insert_rows,
    "ours_incremental": ours,
    "upsert": upsert,
    "ours_full": lambda: ours(full=True),
    "ours_reconcile": reconciled,
    "ours_limited": ours,
}


def main() -> None:
    """Print what it did as JSON."""
    route = sys.argv[1]
    print(json.dumps(asdict(ROUTES[route]()) | {"peak_mib": peak_mib()}))  # noqa: T201


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


def peak_mib() -> float:
    """The most memory that this process has held."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()
