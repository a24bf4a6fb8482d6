"""A load that is killed anywhere goes on where it was: no page is fetched again once it is staged, none applied twice.

`LOAD_KILLS=50 LOAD_ROWS=1000000` kills more, in a larger load.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic, sleep
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from python_runner.errors import RunnerError
from python_runner.ingest import load_plan
from python_runner.ingest.load import load_planned
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import fill_stage
from python_runner.postgres.pool import Connection, Pool, open_pool
from python_runner.snowflake.queries import Statement
from python_runner.sources import Source, read_sources
from tests.conftest import Database, Loader, Warehouse, prepare
from tests.runner.proxy import Fault, Proxy
from tests.runner.test_cli import RUNNER

pytestmark = pytest.mark.database

KILLS = int(os.environ.get("LOAD_KILLS", "3"))
ROWS = int(os.environ.get("LOAD_ROWS", "20000"))
PAGES = 20
WORKERS = 3
HELD = "select nft_id, wallet_address from raw.wallet_holdings order by 1"
# The rows that were there before, with the changelog applied to them.
REPLAYED = """
select nft_id, wallet_address
from (
    select nft_id, wallet_address, 1 as weight from before
    union all
    select nft_id, wallet_address, weight from raw.wallet_holdings_changes
) as changelog
group by 1, 2 having sum(weight) <> 0
order by 1
"""


def fill(warehouse: Warehouse, rows: int) -> None:
    warehouse.execute(
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT select '0x' || (i % 7), i, false, '2026-01-01'::timestamp_ntz"
        f" from range(1, {rows} + 1) as r (i)"
    )


def change(warehouse: Warehouse, rows: int, seed: int) -> None:
    """A tenth moves, some are burned, as many come."""
    warehouse.execute(
        f"update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0x{seed}' where nft_id::int % 10 = {seed % 10}",
        f"delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id::int % 1000 = {seed % 1000}",
        f"insert into ALLDAY_WALLET_HOLDINGS_CURRENT values ('0xlate', '{rows + seed + 1}', false, null)",
    )


def pages_of(proxy: Proxy) -> list[str]:
    """The statements that fetched a page, in order; planning and comparing aside."""
    return [r.statement for r in proxy.statements if "as k from" not in r.statement and "from ALLDAY" in r.statement]


@pytest.mark.slow
def test_a_killed_load_goes_on(
    proxy: Proxy,
    behind: Warehouse,
    warehouse: Warehouse,
    database: Database,
    record_property: Callable[[str, object], None],
) -> None:
    fill(warehouse, ROWS)
    environment = behind.environment | {
        "DATABASE_URL": database.login,
        "SNOWFLAKE_BATCH_SIZE": str(ROWS // PAGES),
        "SNOWFLAKE_BATCHES_IN_PARALLEL": str(WORKERS),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SNOWFLAKE_")} | environment
    command = [str(RUNNER), "load", "--source", "wallet_holdings", "--full", "--json"]

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    begin = monotonic()
    assert start().wait() == 0
    lasts = monotonic() - begin
    database.execute("create table before as table raw.wallet_holdings")
    continued = 0
    for kill in range(KILLS):
        change(warehouse, ROWS, kill)
        proxy.requests.clear()
        with start() as victim:
            sleep(random.uniform(0.3, 1) * lasts)
            victim.kill()
        staged = database.value("select count(*) from raw.load_pages")
        assert start().wait() == 0
        fetched = pages_of(proxy)
        under_way = len(fetched) - len(set(fetched))
        assert under_way <= WORKERS or staged == 0, "pages that are staged are not fetched again"
        continued += staged > 0
        source = warehouse.rows("select nft_id::int, wallet_address from ALLDAY_WALLET_HOLDINGS_CURRENT order by 1")
        assert [tuple(row.values()) for row in database.rows(HELD)] == source
        assert database.rows(REPLAYED) == database.rows(HELD)
    record_property("kills", KILLS)
    record_property("of them with pages staged", continued)


def test_staged_pages_are_not_fetched_again(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse, 1000)
    warehouse.hold(("0xa", "one", False, None))
    load = Loader(database, behind)

    def fail_late(_: str, number: int) -> Fault:
        return "001003" if number > 6 else None

    proxy.choose_fault = fail_late
    with pytest.raises(RunnerError, match="injected by the proxy"):
        load("wallet_holdings", batch_size=100, batches_in_parallel=1)
    before = pages_of(proxy)
    proxy.choose_fault = lambda _path, _number: None
    proxy.requests.clear()
    (loaded,) = load("wallet_holdings", batch_size=100, batches_in_parallel=1)
    assert loaded.pages_kept == len(before) - 1 > 3
    assert pages_of(proxy)[0] == before[-1]
    assert not set(pages_of(proxy)) & set(before[:-1])
    assert (loaded.rows_fetched, loaded.rows_inserted, loaded.rows_rejected) == (1001, 1000, 1)


def test_another_kind_of_load_starts_over(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse, 300)
    load = Loader(database, behind)
    load("wallet_holdings")
    proxy.choose_fault = lambda _path, number: "001003" if number > 2 else None
    proxy.requests.clear()
    with pytest.raises(RunnerError):
        load("wallet_holdings", batch_size=100, batches_in_parallel=1, full=True)
    proxy.choose_fault = lambda _path, _number: None
    (loaded,) = load("wallet_holdings")
    assert (loaded.mode, loaded.pages_kept) == ("incremental", 0)
    assert database.value("select count(*) from raw.load_plans") == 0


def test_connections_that_the_server_ends_are_replaced(load: Loader, warehouse: Warehouse, database: Database) -> None:
    """As a restart does, or a server that drops what is idle: all sessions end, again and again."""
    fill(warehouse, 5000)
    over = threading.Event()
    ended = 0

    def end_sessions() -> None:
        nonlocal ended
        with psycopg.connect(database.url, autocommit=True) as connection:
            while ended < 10 and not over.wait(0.1):
                ended += connection.execute(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where datname = current_database() and application_name = 'collectibles_runner'"
                ).fetchall()[0][0]

    thread = threading.Thread(target=end_sessions)
    thread.start()
    try:
        (loaded,) = load("wallet_holdings", batch_size=100, rate_limit_rps=20)
    finally:
        over.set()
        thread.join()
    assert ended >= 10
    assert loaded.rows_inserted == 5000
    assert database.value("select count(*) from raw.wallet_holdings") == 5000
    assert database.value("select count(*) from raw.load_batches") == 1


def test_work_whose_end_was_lost_is_not_done_twice(
    load: Loader, warehouse: Warehouse, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection may be lost when the server has committed and the answer is on its way."""

    def twice(pool: Pool, work: Callable[[Connection], Any]) -> Any:
        for _ in range(2):
            with pool.transaction() as connection:
                outcome = work(connection)
        return outcome

    monkeypatch.setattr(Pool, "run_with_retry", twice)
    fill(warehouse, 250)
    for mode in ("first", "full"):
        (loaded,) = load("wallet_holdings", batch_size=100, full=mode == "full")
        assert (loaded.mode, loaded.rows_fetched) == (mode, 250)
        assert database.value("select count(*) from raw.load_batches where mode = %s", mode) == 1


def test_a_load_that_was_overtaken_leaves_the_stage_to_the_other(
    load: Loader, warehouse: Warehouse, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock between loads goes with its session; should that end, two may be under way."""
    fill(warehouse, 10)
    count_staged = load_plan.staged_counts

    def overtaken(connection: Connection, source: Source) -> load_plan.StagedCounts:
        counts = count_staged(connection, source)
        load_plan.begin(connection, source, "first")
        return counts

    monkeypatch.setattr(load_plan, "staged_counts", overtaken)
    with pytest.raises(RunnerError, match="another load has started"):
        load("wallet_holdings")
    assert database.value("select count(*) from raw.load_plans") == 1
    assert database.value("select count(*) from raw.wallet_holdings") == 0


@pytest.mark.parametrize("other", ["begins", "continues"])
def test_two_loads_do_not_mix_their_pages(database: Database, other: str) -> None:
    """A load that lost the lock stages nothing more once another load has begun."""
    source = read_sources()["wallet_holdings"]
    with open_pool(database.settings) as pool:
        prepare(pool)
        statements = [Statement(f"select {page}") for page in range(2)]
        first = pool.run_with_retry(lambda connection: load_plan.begin(connection, source, "full", statements))
        fill_stage(pool, first, [(0, partial(page_of, 1, 5))], workers=1, progress=SourceProgress())

        def take(connection: Connection) -> load_plan.Plan:
            return (other == "continues" and load_plan.unfinished(connection, source, "full")) or load_plan.begin(
                connection, source, "full", statements
            )

        second = pool.run_with_retry(take)
        assert list(second.remaining) == ([1] if other == "continues" else [0, 1])
        with pytest.raises(RunnerError, match="another load has started"):
            fill_stage(pool, first, [(1, partial(page_of, 6, 10))], workers=1, progress=SourceProgress())
        pool.run_with_retry(lambda connection: load_plan.abandon(connection, first))
        fetches = [(number, partial(page_of, 11 + number, 11 + number)) for number in second.remaining]
        load_planned(pool, second, fetches, mode="full", whole=True, workers=1, progress=SourceProgress())
    kept = [1, 2, 3, 4, 5] if other == "continues" else [11]
    assert database.value("select array_agg(nft_id order by nft_id) from raw.wallet_holdings") == [*kept, 12]


def page_of(first: int, last: int) -> pa.Table:
    moments = range(first, last + 1)
    return pa.table(
        {
            "nft_id": [str(moment) for moment in moments],
            "wallet_address": ["0xa" for _ in moments],
            "is_locked": [False for _ in moments],
            "last_event_ts": pa.array([None for _ in moments], pa.timestamp("us")),
        }
    )
