"""The sources are loaded side by side, in few statements."""

from __future__ import annotations

from typing import Any

import pytest

from python_runner import refresh
from python_runner.console.progress import ProgressListener
from python_runner.errors import RunnerError
from python_runner.ingest.load import LoadResult
from python_runner.sources import read_sources
from tests.conftest import Database, Warehouse
from tests.runner.proxy import CHUNKS, LOGIN, Proxy

pytestmark = pytest.mark.database

SOURCES = list(read_sources().values())


class Events(ProgressListener):
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


def load(database: Database, warehouse: Warehouse, listener: ProgressListener | None = None) -> list[LoadResult]:
    listener = listener or Events()
    with refresh.connect(database.settings, warehouse.settings, listener) as connections:
        return refresh.load(connections, SOURCES, listener)


def fill(warehouse: Warehouse) -> None:
    warehouse.execute(
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT"
        " select '0x' || (i % 7), i, false, '2026-01-01'::timestamp_ntz from range(1, 301) as r (i)",
        "insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id) select i, 'E' from range(11, 301) as r (i)",
        "insert into EDITION_PRICE_SCRAPE values ('E', 1, 2, 3)",
        "insert into WALLET_PROFILES values ('0x1', 'Ann')",
    )


def test_an_ordinary_load_of_all_sources_takes_six_statements(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse)
    assert [one.rows_inserted for one in load(database, behind)] == [300, 290, 1, 1]
    warehouse.hold(("0x9", "400", False, "2026-01-01 00:00:00"))
    warehouse.execute("insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id) values ('400', 'E'), ('5', 'E')")
    proxy.requests.clear()
    results = load(database, behind)
    assert [one.source for one in results] == [source.name for source in SOURCES]
    assert [one.rows_inserted for one in results] == [1, 2, 0, 0]
    logins = sum(request.path == LOGIN for request in proxy.requests)
    assert (logins, len(proxy.statements)) == (1, 1 + len(SOURCES))


def test_metadata_is_looked_for_once_the_holdings_are_loaded(warehouse: Warehouse, database: Database) -> None:
    """A moment whose metadata is known to Snowflake before it is held for the first time."""
    fill(warehouse)
    load(database, warehouse)
    warehouse.execute("delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id = '250'")
    database.execute("delete from raw.nft_core_metadata where nft_id = 250")
    database.execute("delete from raw.wallet_holdings where nft_id = 250")
    assert load(database, warehouse)[1].rows_fetched == 0
    warehouse.hold(("0x9", "250", False, None))
    assert [one.rows_inserted for one in load(database, warehouse)] == [1, 1, 0, 0]


def test_a_source_that_fails_keeps_no_other_from_being_loaded(
    proxy: Proxy, behind: Warehouse, warehouse: Warehouse, database: Database
) -> None:
    fill(warehouse)
    proxy.choose_fault = lambda path, _: 403 if path == CHUNKS else None  # of the two sources that have several
    listener = Events()
    with pytest.raises(RunnerError, match="403"):
        load(database, behind, listener)
    assert database.value("select count(*) from raw.edition_price_scrape") == 1
    assert {fields["source"] for event, fields in listener.events if event == "loaded"} == {
        "edition_price_scrape",
        "wallet_profiles",
    }
    proxy.choose_fault = lambda _path, _number: None
    assert [one.rows_inserted for one in load(database, behind)] == [300, 290, 0, 0]


def test_different_failures_are_all_reported(warehouse: Warehouse, database: Database) -> None:
    fill(warehouse)
    load(database, warehouse)
    for table in ("edition_price_scrape", "wallet_profiles"):
        database.execute(f"alter table raw.{table} add column mine integer not null default 1")
        database.execute(f"alter table raw.{table} alter column mine drop default")
    warehouse.execute(
        "insert into EDITION_PRICE_SCRAPE values ('F', 1, 2, 3)", "insert into WALLET_PROFILES values ('0x2', 'Ben')"
    )
    with pytest.raises(RunnerError, match=r"(?s)edition_price_scrape.*; .*wallet_profiles") as caught:
        load(database, warehouse)
    assert len(str(caught.value).splitlines()) == 1


def test_a_first_load_leaves_nothing_to_vacuum(warehouse: Warehouse, database: Database) -> None:
    fill(warehouse)
    load(database, warehouse)
    visible = (
        "select relallvisible = relpages and relpages > 0 from pg_class where oid = 'raw.wallet_holdings'::regclass"
    )
    assert database.value(visible)
