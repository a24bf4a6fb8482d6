"""Faults of Snowflake and the network, made by a proxy before the stand-in: all rows arrive, once, within the rate."""

from __future__ import annotations

import pytest

from python_runner.errors import RunnerError
from python_runner.snowflake.client import ATTEMPTS, Snowflake
from tests.conftest import Database, Loader, Warehouse
from tests.runner.proxy import LOGIN, QUERY, Fault, Proxy

ROWS = 2_000
RATE = 20
FAULTS: dict[str, tuple[Fault, ...]] = {
    "throttled": (429, 503),
    "the service fails": (500, 502, 504, "250001", "250005"),
    "sessions expire": ("390112", "390114", "390111"),
    "connections are cut": ("cut", "cut before"),
}


@pytest.mark.database
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_everything_arrives_once_whatever_fails(
    proxy: Proxy, warehouse: Warehouse, behind: Warehouse, database: Database, faults: tuple[Fault, ...]
) -> None:
    warehouse.execute(
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT"
        f" select '0x' || (i % 7), i, false, '2026-01-01'::timestamp_ntz from range(1, {ROWS} + 1) as r (i)"
    )

    def every_third(path: str, number: int) -> Fault:
        return faults[number // 3 % len(faults)] if path in {QUERY, LOGIN} and number % 3 == 1 else None

    proxy.choose_fault = every_third
    (loaded,) = Loader(database, behind)("wallet_holdings", batch_size=100, rate_limit_rps=RATE, batches_in_parallel=3)
    faulty = [request for request in proxy.statements if request.fault]
    assert len(faulty) >= len(faults)
    assert loaded.rows_fetched == loaded.rows_inserted == ROWS
    assert database.rows("select count(*), count(distinct nft_id) as moments from raw.wallet_holdings") == [
        {"count": ROWS, "moments": ROWS}
    ]
    assert proxy.max_per_second() <= RATE


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
