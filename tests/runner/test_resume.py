"""A load that is killed anywhere goes on where it was: no chunk is fetched again once it is staged, none applied twice.

`LOAD_KILLS=50 LOAD_ROWS=1000000` kills more, in a larger load.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from python_runner.demo import stand_in
from python_runner.errors import RunnerError
from python_runner.ingest import load_plan
from python_runner.ingest.load import load_planned
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import Page, fill_stage
from python_runner.postgres.pool import Connection, Pool, open_pool
from python_runner.snowflake.workers import Workers
from python_runner.sources import Source, read_sources
from tests.conftest import SOURCE_TABLES, Database, Loader, Warehouse, prepare
from tests.runner.proxy import CHUNKS, RESULTS, Fault, Proxy, proxy_to
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


@pytest.fixture
def behind_own(tmp_path: Path) -> Iterator[tuple[Proxy, Warehouse, Warehouse]]:
    """A proxy, the warehouse behind it and the warehouse, of a stand-in whose results have PAGES chunks."""
    stand_in.create_database(tmp_path)
    server = stand_in.start(tmp_path, chunk_rows=ROWS // PAGES)
    own = Warehouse(server.environment | {"SNOWFLAKE_RATE_LIMIT_RPS": "1000"})
    own.execute(*(f"create table {name} ({columns})" for name, columns in SOURCE_TABLES.items()))
    try:
        with proxy_to(server.port) as proxy:
            yield proxy, Warehouse(own.environment | {"SNOWFLAKE_PORT": str(proxy.port)}), own
    finally:
        stand_in.stop(tmp_path)


def chunks_of(proxy: Proxy) -> list[str]:
    """The chunks that were delivered, in order."""
    return [request.target for request in proxy.chunks if not request.fault]


def killed_at(proxy: Proxy, victim: subprocess.Popen[bytes], request: int, path: str, _number: int) -> Fault:
    if path == CHUNKS and len(proxy.chunks) >= request:
        victim.kill()
        return "cut before"
    return None


@pytest.mark.slow
def test_a_killed_load_goes_on(
    behind_own: tuple[Proxy, Warehouse, Warehouse],
    database: Database,
    record_property: Callable[[str, object], None],
) -> None:
    proxy, behind, warehouse = behind_own
    fill(warehouse, ROWS)
    environment = behind.environment | {
        "DATABASE_URL": database.login,
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
            if kill % 3 == 0:  # at any time
                sleep(random.uniform(0.3, 1) * lasts)
                victim.kill()
            else:  # when it asks for a chunk
                proxy.choose_fault = partial(killed_at, proxy, victim, random.randrange(3, PAGES))
        proxy.choose_fault = lambda _path, _number: None
        staged = database.value("select count(*) from raw.load_pages")
        assert start().wait() == 0
        fetched = chunks_of(proxy)
        under_way = len(fetched) - len(set(fetched))
        assert under_way <= WORKERS, "chunks that are staged are not fetched again"
        continued += staged > 0
        source = warehouse.rows("select nft_id::int, wallet_address from ALLDAY_WALLET_HOLDINGS_CURRENT order by 1")
        assert [tuple(row.values()) for row in database.rows(HELD)] == source
        assert database.rows(REPLAYED) == database.rows(HELD)
    record_property("kills", KILLS)
    record_property("of them with pages staged", continued)


def interrupted(proxy: Proxy, load: Loader, **settings: Any) -> list[str]:
    """Load until a chunk cannot be fetched. Returns the chunks that were."""
    proxy.choose_fault = lambda path, _: 403 if path == CHUNKS and len(proxy.chunks) > 6 else None
    with pytest.raises(RunnerError, match="403"):
        load("wallet_holdings", batches_in_parallel=1, **settings)
    proxy.choose_fault = lambda _path, _number: None
    fetched = chunks_of(proxy)
    proxy.requests.clear()
    return fetched


def test_staged_chunks_are_not_fetched_again(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse, 1000)
    warehouse.hold(("0xa", "one", False, None))
    load = Loader(database, behind)
    before = interrupted(proxy, load)
    assert len(before) > 5
    warehouse.hold(("0xlate", "5000", False, None))
    (loaded,) = load("wallet_holdings", batches_in_parallel=1)
    assert loaded.pages_kept == len(before) + 1, "and that which came with the result"
    assert proxy.statements == []
    assert chunks_of(proxy)
    assert not set(chunks_of(proxy)) & set(before)
    assert (loaded.rows_fetched, loaded.rows_inserted, loaded.rows_rejected) == (1001, 1000, 1)


@pytest.mark.parametrize("what", ["the result is gone", "it is divided in another way", "the declaration has changed"])
def test_what_cannot_be_resumed_starts_over(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database, what: str
) -> None:
    fill(warehouse, 1000)
    load = Loader(database, behind)
    interrupted(proxy, load)
    warehouse.execute("update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0xnew'")
    if what == "the result is gone":
        proxy.choose_fault = lambda path, number: "000710" if path == RESULTS and number == 0 else None
    elif what == "it is divided in another way":
        database.execute("update raw.load_plans set chunks = '[[1000]]'")
    else:
        load.reject_limit = 0.5
    (loaded,) = load("wallet_holdings")
    assert (loaded.pages_kept, loaded.rows_inserted, len(proxy.statements)) == (0, 1000, 1)
    assert database.value("select string_agg(distinct wallet_address, ' ') from raw.wallet_holdings") == "0xnew"


def test_another_kind_of_load_starts_over(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse, 1000)
    load = Loader(database, behind)
    load("wallet_holdings")
    proxy.requests.clear()
    interrupted(proxy, load, full=True)
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
        (loaded,) = load("wallet_holdings")
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
        (loaded,) = load("wallet_holdings", full=mode == "full")
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
    queries = ["a"]
    with open_pool(database.settings) as pool, closing(Workers(1)) as workers:
        prepare(pool)
        first = pool.run_with_retry(lambda connection: load_plan.begin(connection, source, "full", queries=queries))
        fill_stage(pool, first, [Page(0, partial(page_of, 1, 5))], workers, SourceProgress())

        def take(connection: Connection) -> load_plan.Plan:
            found = load_plan.unfinished(connection, source, "full", made_of="") if other == "continues" else None
            return found or load_plan.begin(connection, source, "full", queries=queries)

        second = pool.run_with_retry(take)
        assert second.staged == ({0} if other == "continues" else set())
        with pytest.raises(RunnerError, match="another load has started"):
            fill_stage(pool, first, [Page(1, partial(page_of, 6, 10))], workers, SourceProgress())
        pool.run_with_retry(lambda connection: load_plan.abandon(connection, first))
        pages = [Page(n, partial(page_of, 11 + n, 11 + n)) for n in range(2) if n not in second.staged]
        load_planned(pool, second, pages, mode="full", whole=True, workers=workers, progress=SourceProgress())
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
