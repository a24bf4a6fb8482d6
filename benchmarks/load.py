"""How fast the loader is, beside the other ways into the same table.

A stand-in for Snowflake is started with so many holdings; all routes but COPY read from it. Each runs in a process of
its own: its rows a second, and the most memory it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import snowflake.connector
from psycopg.conninfo import conninfo_to_dict

from benchmarks.measure import in_the_middle
from benchmarks.progress import say
from benchmarks.routes import HOLDINGS, ROUTES, ROWS, STATEMENT, other
from python_runner.demo import sample, stand_in
from python_runner.settings import PostgresSettings, postgres_settings, snowflake_settings
from python_runner.snowflake import queries
from tests.runner.proxy import proxy_to

WITH_DLT = ("dlt_stock", "dlt_tuned")
# The second takes over what the first has loaded.
REPEATED = ("ours_incremental", "upsert")
DOWNLOADED = "its package downloads the program when it first runs, so that no version can be locked"
MISSING = {"sling": DOWNLOADED, "ingestr": DOWNLOADED}
# A hundredth of the holdings each: those that move, others each time, and those that are burned.
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


def run(settings: PostgresSettings, held: int, routes: Sequence[str], keep: Callable[[dict[str, Any]], None]) -> None:
    """The routes into a database that is emptied, some of them in several turns; the figures are kept after each."""
    figures: dict[str, Any] = {name: {"missing": why} for name, why in MISSING.items()}
    parts = conninfo_to_dict(settings.conninfo)
    # dlt wants a host and a password.
    address = f"postgresql://{parts['user']}:unused@127.0.0.1:{parts['port']}/{parts['dbname']}"
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        warehouse(Path(folder), held),
        environment(DATABASE_URL=address),
    ):
        prepare()
        turns: dict[str, list[dict[str, Any]]] = {}
        for route in routes:
            say(f"load: {route}")
            taken = turns.setdefault(route, [])
            before(route, len(taken))
            with ExitStack() as stack:
                noted = stack.enter_context(slowed()) if route == "ours_limited" else {}
                taken.append(measured(route))
            figures[route] = (in_the_middle(taken) if "seconds" in taken[0] else taken[0]) | noted
            after(route)
            keep(figures)


def in_turns(turns: int) -> list[str]:
    """The routes without dlt, so that those that vary take turns."""
    names = list(ROUTES)
    first = names.index(REPEATED[0])
    return [*names[:first], *REPEATED * turns, *names[first + len(REPEATED) :]]


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """With these variables, as long as it lasts."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def warehouse(folder: Path, rows: int) -> Iterator[None]:
    """A stand-in with so many holdings, without a limit that would be felt."""
    scale = sample.Scale(round(rows * sample.FULL_MOMENTS / sample.FULL_HELD))
    say("load: the stand-in for Snowflake is filled")
    sample.generate(folder / f"{sample.DATABASE}.db", scale)
    try:
        served = stand_in.start(folder).environment
        with environment(SNOWFLAKE_RATE_LIMIT_RPS="1000", BENCH_FOLDER=str(folder), BENCH_HELD=str(rows), **served):
            yield
    finally:
        stand_in.stop(folder)


@contextmanager
def slowed() -> Iterator[dict[str, int]]:
    """Snowflake as it is, far away, and behind the default limit; how much it was asked is known afterwards."""
    noted: dict[str, int] = {}
    with proxy_to(int(os.environ["SNOWFLAKE_PORT"])) as proxy:
        proxy.latency = LATENCY
        with environment(SNOWFLAKE_PORT=str(proxy.port), SNOWFLAKE_RATE_LIMIT_RPS=LIMIT):
            yield noted
    noted |= {"statements": len(proxy.statements), "most_in_a_second": proxy.max_per_second()}


def prepare() -> None:
    """Nothing of an earlier run."""
    with psycopg.connect(postgres_settings().conninfo) as connection:
        connection.execute("drop schema if exists raw, bench cascade; create schema bench")


def before(route: str, turn: int) -> None:
    """What changes in the source, and what must be there, before a turn of a route is measured."""
    if route == "ours_incremental":
        with other("before") as connection:
            connection.execute("insert into bench.before select * from raw.wallet_holdings")
        change(MOVED.format(HOLDINGS.snowflake_table, 10 + turn))
    if route == "ours_reconcile":
        change(LOCKED.format(HOLDINGS.snowflake_table, 1), GONE.format(HOLDINGS.snowflake_table, 2))
    if route == "ours_limited":
        prepare()
    if route == "ours_full":
        change(MOVED.format(HOLDINGS.snowflake_table, 8), BURNED.format(HOLDINGS.snowflake_table, 9))
    with psycopg.connect(postgres_settings().conninfo, autocommit=True) as connection:
        connection.execute("checkpoint")


def after(route: str) -> None:
    """What later routes need of an earlier one."""
    folder = Path(os.environ["BENCH_FOLDER"])
    with psycopg.connect(postgres_settings().conninfo) as connection:
        if route == "ours":
            rows = connection.cursor().copy(
                "copy (table raw.wallet_holdings order by nft_id) to stdout with (format csv)"
            )
            with (folder / ROWS).open("wb") as file, rows as source:
                file.writelines(source)
            (folder / STATEMENT).write_text(queries.select(HOLDINGS).sql)
        if route == "ours_incremental":
            connection.execute(
                "drop table if exists bench.staged; create table bench.staged as select * from raw.wallet_holdings"
                " where batch_id = (select max(batch_id) from raw.wallet_holdings)"
            )


def change(*statements: str) -> None:
    """Change the source."""
    with snowflake.connector.connect(**snowflake_settings().connect_args(), network_timeout=0) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def measured(route: str) -> dict[str, Any]:
    """Run the route in a process of its own."""
    script = str(Path(__file__).parent / "with_dlt.py")
    command = (
        [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--script", script, route]
        if route in WITH_DLT
        else [sys.executable, "-m", "benchmarks.routes", route]
    )
    child = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if child.returncode and route in WITH_DLT:
        return {"missing": child.stderr.strip().splitlines()[-1][:200]}
    if child.returncode:
        raise SystemExit(child.stderr)
    figures = json.loads(child.stdout.splitlines()[-1])
    return {
        "rows_per_s": round(figures["rows"] / figures["seconds"]),
        "peak_mb": round(figures.pop("peak_mib") * 1.048576, 1),
        **{name: round(value, 3) for name, value in figures.items() if value is not None},
    }
