"""A file with a part of a source changes its rows, and hides nothing of the rest from the loads that follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python_runner.errors import RunnerError
from python_runner.ingest.files import read_csv
from python_runner.ingest.load import LoadResult, load_from_file
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres.pool import open_pool
from python_runner.sources import read_sources
from tests.conftest import Database, Loader, Warehouse, prepare

pytestmark = pytest.mark.database

HELD = "select string_agg(nft_id || ' ' || wallet_address, ', ' order by nft_id) from raw.wallet_holdings"
KNOWN = "select string_agg(nft_id || ' ' || edition_id, ', ' order by nft_id) from raw.nft_core_metadata"
METADATA_HEAD = (
    "nft_id,edition_id,play_id,series_id,series_name,set_id,set_name,tier,max_mint_size,serial_number,first_name,"
    "last_name,team_name,position,jersey_number"
)
LoadFile = Callable[..., LoadResult]


@pytest.fixture
def load_file(database: Database, tmp_path: Path) -> LoadFile:
    def load_file(name: str, *lines: str, full: bool = False) -> LoadResult:
        path, source = tmp_path / f"{name}.csv", read_sources()[name]
        path.write_text("\n".join(lines) + "\n")
        with open_pool(database.settings) as pool:
            prepare(pool)
            return load_from_file(pool, source, read_csv(path, source), full=full, progress=SourceProgress())

    return load_file


def holdings(*rows: str) -> list[str]:
    return ["wallet_address,nft_id,is_locked,last_event_ts", *rows]


def metadata(*moments: int) -> list[str]:
    return [METADATA_HEAD, *(f"{moment},ED{moment}{',' * 13}" for moment in moments)]


def describe(warehouse: Warehouse, *moments: int) -> None:
    for moment in moments:
        warehouse.execute(
            f"insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id) values ('{moment}', 'ED{moment}')"
        )


def test_a_late_row_in_a_file_hides_no_earlier_one(
    load: Loader, load_file: LoadFile, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(*(("0xa", str(moment), False, "2025-06-01 06:00:00") for moment in range(1, 7)))
    load("wallet_holdings")
    warehouse.execute(
        "update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0xb', last_event_ts = '2025-06-01 08:00:00'"
        " where nft_id in ('1', '2', '3', '4', '5')"
    )
    load_file("wallet_holdings", *holdings("0xc,7,false,2025-06-01 12:00:00"))
    load("wallet_holdings")
    assert database.value(HELD) == "1 0xb, 2 0xb, 3 0xb, 4 0xb, 5 0xb, 6 0xa, 7 0xc"


def test_a_first_load_from_a_sample_hides_nothing(
    load: Loader, load_file: LoadFile, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(*(("0xa", str(moment), False, f"2025-06-0{moment} 00:00:00") for moment in range(1, 5)))
    describe(warehouse, 1, 2, 3, 4)
    load_file("wallet_holdings", *holdings("0xa,3,false,2025-06-03 00:00:00"))
    load_file("nft_core_metadata", *metadata(3))
    load("wallet_holdings", "nft_core_metadata")
    assert database.value(HELD) == "1 0xa, 2 0xa, 3 0xa, 4 0xa"
    assert database.value(KNOWN) == "1 ED1, 2 ED2, 3 ED3, 4 ED4"
    describe(warehouse, 5)
    (third,) = load("nft_core_metadata")
    assert third.rows_fetched == 1


def test_a_high_key_in_a_file_hides_no_lower_one(
    load: Loader, load_file: LoadFile, database: Database, warehouse: Warehouse
) -> None:
    describe(warehouse, 1)
    load("nft_core_metadata")
    load_file("nft_core_metadata", *metadata(9))
    describe(warehouse, 5)
    (loaded,) = load("nft_core_metadata")
    assert loaded.rows_fetched == 1
    assert database.value(KNOWN) == "1 ED1, 5 ED5, 9 ED9"


def test_a_whole_source_in_a_file_is_known_as_far_as_the_file_goes(
    load: Loader, load_file: LoadFile, database: Database, warehouse: Warehouse
) -> None:
    """An export of yesterday takes back what has happened since; the next load brings it again."""
    warehouse.hold(("0xb", "1", False, "2025-06-02 00:00:00"), ("0xa", "2", False, "2025-06-05 00:00:00"))
    load("wallet_holdings")
    yesterday = holdings("0xa,1,false,2025-05-31 00:00:00", "0xa,2,false,2025-06-01 00:00:00")
    load_file("wallet_holdings", *yesterday, full=True)
    assert database.value(HELD) == "1 0xa, 2 0xa"
    load("wallet_holdings")
    assert database.value(HELD) == "1 0xb, 2 0xa"


PRICED = "select string_agg(edition_id, ' ' order by edition_id) from raw.edition_price_scrape"


def prices(*editions: int) -> list[str]:
    return ["edition_id,lowest_ask,avg_sale,top_sale", *(f"ED{edition},1,2,3" for edition in editions)]


def test_a_file_with_a_part_of_a_whole_source_is_refused_without_full(load_file: LoadFile, database: Database) -> None:
    load_file("edition_price_scrape", *prices(1, 2, 3, 4, 5, 6))
    message = "the file lacks 5 of the 6 rows of raw.edition_price_scrape.*above the delete_limit of 10%.*with --full"
    with pytest.raises(RunnerError, match=message):
        load_file("edition_price_scrape", *prices(1, 7))
    assert database.value(PRICED) == "ED1 ED2 ED3 ED4 ED5 ED6"
    assert database.value("select count(*) from raw.load_batches") == 1
    assert database.value("select count(*) from raw.edition_price_scrape_changes") == 0
    loaded = load_file("edition_price_scrape", *prices(1, 7), full=True)
    assert (loaded.rows_inserted, loaded.rows_deleted) == (1, 5)
    with pytest.raises(RunnerError, match="would delete every row"):
        load_file("edition_price_scrape", *prices(), full=True)


def test_a_file_that_lacks_no_more_than_the_limit_is_loaded(load_file: LoadFile) -> None:
    load_file("edition_price_scrape", *prices(*range(10)))
    assert load_file("edition_price_scrape", *prices(*range(1, 40))).rows_deleted == 1
    with pytest.raises(RunnerError, match="lacks 4 of the 39 rows"):
        load_file("edition_price_scrape", *prices(*range(5, 90)))


def test_a_file_of_rows_that_cannot_be_loaded_deletes_no_more_than_the_limit(load_file: LoadFile) -> None:
    """A rejected row is not in the stage: for the table it is gone."""
    load_file("edition_price_scrape", *prices(1, 2, 3))
    with pytest.raises(RunnerError, match="lacks 1 of the 3 rows"):
        load_file("edition_price_scrape", *prices(1, 2), "ED3,-1,,")


def test_a_file_of_a_source_with_a_cursor_deletes_with_full_alone(load_file: LoadFile, database: Database) -> None:
    load_file("wallet_holdings", *holdings(*(f"0xa,{moment},false,2025-06-01 00:00:00" for moment in range(1, 5))))
    load_file("wallet_holdings", *holdings("0xb,1,false,2025-06-02 00:00:00"))
    assert database.value(HELD) == "1 0xb, 2 0xa, 3 0xa, 4 0xa"
    load_file("wallet_holdings", *holdings("0xb,1,false,2025-06-02 00:00:00"), full=True)
    assert database.value(HELD) == "1 0xb"


def test_a_source_that_came_back_in_part_is_refused(load: Loader, database: Database, warehouse: Warehouse) -> None:
    """A scraper that failed half way; a few rows are always let go."""
    warehouse.execute("insert into EDITION_PRICE_SCRAPE select 'ED' || i, 1, 2, 3 from range(1, 301) as r (i)")
    load("edition_price_scrape")
    warehouse.execute("delete from EDITION_PRICE_SCRAPE where edition_id <= 'ED2'")
    message = "the source lacks 112 of the 300 rows.*complete the source, or delete them with runner load .*--full"
    with pytest.raises(RunnerError, match=message):
        load("edition_price_scrape")
    assert database.value("select count(*) from raw.edition_price_scrape") == 300
    (loaded,) = load("edition_price_scrape", full=True)
    assert loaded.rows_deleted == 112


def test_a_database_of_an_older_version_is_known_up_to_its_highest_key(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    describe(warehouse, 1, 2, 3)
    load("nft_core_metadata")
    database.execute("update raw.load_batches set highest_key = null")
    describe(warehouse, 4)
    (loaded,) = load("nft_core_metadata")
    assert loaded.rows_fetched == 1
