"""Faults of Snowflake and the network, made by a proxy before the stand-in: all rows arrive, once, within the rate."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from python_runner.errors import RunnerError
from python_runner.snowflake.client import ATTEMPTS, Snowflake
from tests.conftest import CHUNK_ROWS, Database, Loader, Warehouse
from tests.runner.proxy import CHUNKS, LOGIN, QUERY, RESULTS, Fault, Proxy

ROWS = 2_000
RATE = 20
FAULTS: dict[str, tuple[Fault, ...]] = {
    "throttled": (429, 503),
    "the service fails": (500, 502, 504, "250001", "250005"),
    "sessions expire": ("390112", "390114", "390111"),
    "connections are cut": ("cut", "cut before"),
}
CHUNK_FAULTS: dict[str, tuple[Fault, ...]] = {
    "the storage fails": (429, 500, 503, 504),
    "connections are cut": ("cut", "cut before"),
    "rows are missing": ("short",),
    "URLs expire": (403,),
}


def fill(warehouse: Warehouse) -> None:
    warehouse.execute(
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT"
        f" select '0x' || (i % 7), i, false, '2026-01-01'::timestamp_ntz from range(1, {ROWS} + 1) as r (i)"
    )


def assert_everything_arrived_once(database: Database) -> None:
    assert database.rows("select count(*), count(distinct nft_id) as moments from raw.wallet_holdings") == [
        {"count": ROWS, "moments": ROWS}
    ]


@pytest.mark.database
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_everything_arrives_once_whatever_fails(
    proxy: Proxy, warehouse: Warehouse, behind: Warehouse, database: Database, faults: tuple[Fault, ...]
) -> None:
    fill(warehouse)

    def most(path: str, number: int) -> Fault:
        """The statement and the request for its result fail in every way, and the first login."""
        faulty = number < len(faults) if path in {QUERY, RESULTS} else path == LOGIN and number == 0
        return faults[number] if faulty else None

    proxy.choose_fault = most
    (loaded,) = Loader(database, behind)("wallet_holdings", rate_limit_rps=RATE)
    assert sum(bool(request.fault) for request in proxy.statements) == len(faults)
    assert loaded.rows_fetched == loaded.rows_inserted == ROWS
    assert_everything_arrived_once(database)
    assert proxy.max_per_second() <= RATE


@pytest.mark.database
@pytest.mark.parametrize("faults", CHUNK_FAULTS.values(), ids=CHUNK_FAULTS)
def test_every_chunk_arrives_whole_whatever_fails(
    proxy: Proxy, warehouse: Warehouse, behind: Warehouse, database: Database, faults: tuple[Fault, ...]
) -> None:
    fill(warehouse)

    def each(path: str, number: int) -> Fault:
        return faults[number] if path == CHUNKS and number < len(faults) else None

    proxy.choose_fault = each
    (loaded,) = Loader(database, behind)("wallet_holdings")
    assert sum(bool(request.fault) for request in proxy.chunks) >= len(faults) * (ROWS // CHUNK_ROWS - 1)
    assert loaded.rows_fetched == loaded.rows_inserted == ROWS
    assert_everything_arrived_once(database)
    assert len(proxy.statements) == 1, "fetching a chunk is no statement"


def test_expired_urls_are_replaced_once_for_all_chunks(proxy: Proxy, warehouse: Warehouse, behind: Warehouse) -> None:
    fill(warehouse)
    first: set[str] = set()

    def expired(path: str, number: int) -> Fault:  # noqa: ARG001
        return 403 if path == CHUNKS and not any(r.path == RESULTS for r in proxy.requests[asked:]) else None

    with Snowflake(behind.settings) as snowflake, ThreadPoolExecutor(3) as executor:
        result = snowflake.result(snowflake.submit("select nft_id from ALLDAY_WALLET_HOLDINGS_CURRENT"))
        asked = len(proxy.requests)
        proxy.choose_fault = expired
        tables = executor.map(result.read, range(len(result.rows)))
        first = {moment for table in tables for moment in table.column("nft_id").to_pylist()}
        assert snowflake.retries == 0
    assert len(first) == ROWS
    assert sum(request.path == RESULTS for request in proxy.requests[asked:]) == 1


def test_storage_that_refuses_fresh_urls_is_an_error(proxy: Proxy, warehouse: Warehouse, behind: Warehouse) -> None:
    fill(warehouse)
    proxy.choose_fault = lambda path, _: 403 if path == CHUNKS else None
    with Snowflake(behind.settings) as snowflake, pytest.raises(RunnerError, match="403"):
        snowflake.fetch("select nft_id from ALLDAY_WALLET_HOLDINGS_CURRENT")
    assert len(proxy.chunks) == 2


def test_no_statement_is_cancelled(proxy: Proxy, behind: Warehouse) -> None:
    with Snowflake(behind.settings) as snowflake:
        snowflake.fetch("select 1 as one")
        snowflake.result(snowflake.submit("select 1 as one"))
    assert not [request.path for request in proxy.requests if "abort" in request.path]


@pytest.mark.database
def test_a_query_that_fails_is_run_again_by_the_next_load(
    proxy: Proxy, warehouse: Warehouse, behind: Warehouse, database: Database
) -> None:
    load = Loader(database, behind)
    warehouse.execute("alter table WALLET_PROFILES rename to ELSEWHERE")
    with pytest.raises(RunnerError, match="(?i)wallet_profiles.*SNOWFLAKE_SCHEMA"):
        load("wallet_profiles")
    assert len(proxy.statements) == 1
    warehouse.execute(
        "alter table ELSEWHERE rename to WALLET_PROFILES", "insert into WALLET_PROFILES values ('0', 'a')"
    )
    assert load("wallet_profiles")[0].rows_inserted == 1


def test_a_server_that_throttles_slows_everybody_down(proxy: Proxy, behind: Warehouse) -> None:
    proxy.choose_fault = lambda path, number: 429 if path == QUERY and number < 3 else None
    with Snowflake(behind.settings, first_backoff_s=0.001) as snowflake:
        snowflake.fetch("select 1 as one")
        assert (snowflake.retries, snowflake.rate_limit.permits) == (3, 7)
        logins = sum(request.path == LOGIN for request in proxy.requests)
        for _ in range(7):
            snowflake.fetch("select 1 as one")
        assert snowflake.rate_limit.permits == 1
    assert logins == 1, "a throttled session is still good"


def test_a_lost_session_is_replaced_once(proxy: Proxy, behind: Warehouse) -> None:
    proxy.choose_fault = lambda path, number: "390111" if path == QUERY and number == 0 else None
    with Snowflake(behind.settings, first_backoff_s=0.001) as snowflake:
        for _ in range(2):
            snowflake.fetch("select 1 as one")
    assert sum(request.path == LOGIN for request in proxy.requests) == 2


def test_an_error_of_the_statement_is_not_tried_again(proxy: Proxy, behind: Warehouse) -> None:
    with Snowflake(behind.settings) as snowflake, pytest.raises(RunnerError, match=r"(?i)nowhere.*SNOWFLAKE_DATABASE"):
        snowflake.fetch("select * from nowhere")
    assert len(proxy.statements) == 1


@pytest.mark.parametrize(
    ("fault", "words"), [(429, "lower SNOWFLAKE_RATE_LIMIT_RPS"), ("cut before", "check SNOWFLAKE_ACCOUNT")]
)
def test_what_goes_on_failing_is_given_up(proxy: Proxy, behind: Warehouse, fault: Fault, words: str) -> None:
    proxy.choose_fault = lambda path, _: fault if path == QUERY else None
    with Snowflake(behind.settings, first_backoff_s=0.001) as snowflake, pytest.raises(RunnerError, match=words):
        snowflake.fetch("select 1 as one")
    assert len(proxy.statements) == ATTEMPTS
