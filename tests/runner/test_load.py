"""Loads from the stand-in for Snowflake into Postgres, as a reader of the raw tables sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from python_runner.errors import RunnerError
from python_runner.ingest import staging
from python_runner.postgres.pool import open_pool
from tests.conftest import Database, Loader, Warehouse, prepare

pytestmark = pytest.mark.database

HELD = "select nft_id, wallet_address, is_locked from raw.wallet_holdings order by nft_id"
LOG = "select weight, nft_id, wallet_address from raw.wallet_holdings_changes order by batch_id, nft_id, weight"
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
HOUR = timedelta(hours=1)


def held(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in database.rows(HELD)]


def log(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in database.rows(LOG)]


def test_a_first_load_is_a_baseline_and_writes_no_log(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xAB", "1", False, NOW), ("0xcd", "2", True, NOW))
    (loaded,) = load("wallet_holdings")
    assert (loaded.mode, loaded.baseline, loaded.rows_inserted) == ("first", True, 2)
    assert held(database) == [(1, "0xab", False), (2, "0xcd", True)]
    assert log(database) == []


SHAPE = """
select attname, atttypid::regtype::text, attnotnull, atthasdef, relpersistence::text from pg_attribute
inner join pg_class on attrelid = pg_class.oid
where attrelid = 'raw.wallet_holdings'::regclass and attnum > 0
union all
select conname, pg_get_constraintdef(oid), condeferrable, convalidated, '' from pg_constraint
where conrelid = 'raw.wallet_holdings'::regclass and contype <> 'n'
order by 1
"""
DEPENDENTS = {
    "nothing": "select",
    "a view": "create view mine as select nft_id, wallet_address from raw.wallet_holdings",
    "a right": "grant select (nft_id) on raw.wallet_holdings to pg_monitor",
    "an index": "create index mine on raw.wallet_holdings (wallet_address)",
    "a trigger": "create trigger mine before delete on raw.wallet_holdings"
    " for each row execute function suppress_redundant_updates_trigger()",
    "a constraint": "alter table raw.wallet_holdings add constraint mine check (nft_id > 0)",
}


@pytest.mark.parametrize("what", DEPENDENTS)
def test_the_table_is_the_same_after_its_first_load(
    load: Loader, database: Database, warehouse: Warehouse, what: str
) -> None:
    """With what somebody has on it, and without, where the stage becomes the table."""
    with open_pool(database.settings) as pool:
        prepare(pool)
    database.execute(DEPENDENTS[what])
    shape, table = database.rows(SHAPE), "select 'raw.wallet_holdings'::regclass::oid::int"
    before = database.value(table)
    warehouse.hold(
        ("0xa", "1", False, NOW - HOUR), ("0xb", "1", True, NOW), ("0xc", "1", True, None), ("0xd", "2", True, NOW)
    )
    (loaded,) = load("wallet_holdings")
    assert (loaded.rows_fetched, loaded.rows_inserted) == (4, 2)
    assert held(database) == [(1, "0xb", True), (2, "0xd", True)]
    assert database.value("select array_agg(batch_id) from raw.wallet_holdings") == [loaded.batch_id] * 2
    assert database.rows(SHAPE) == shape
    assert (database.value(table) == before) is (what != "nothing")


def test_a_first_load_does_not_wait_for_who_reads_through_a_view(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    with open_pool(database.settings) as pool:
        prepare(pool)
    database.execute(DEPENDENTS["a view"])
    warehouse.hold(("0xa", "1", False, NOW))
    with database.connect() as reader:
        assert reader.execute("select * from mine").fetchall() == []
        load("wallet_holdings")
        assert reader.execute("select * from mine").fetchall() == [(1, "0xa")]


def test_a_transfer_updates_the_row_and_logs_old_and_new(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(("0xa", "1", False, NOW - 9 * HOUR), ("0xa", "2", False, NOW - 9 * HOUR))
    load("wallet_holdings")
    warehouse.execute(
        f"update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0xb', last_event_ts = '{NOW}' where nft_id = '1'"
    )
    (loaded,) = load("wallet_holdings")
    assert (loaded.rows_inserted, loaded.rows_updated, loaded.rows_deleted) == (0, 1, 0)
    assert held(database) == [(1, "0xb", False), (2, "0xa", False)]
    assert log(database) == [(-1, 1, "0xa"), (1, 1, "0xb")]


def test_an_ordinary_load_fetches_what_is_new_late_or_undated_alone(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(("0xa", "1", False, NOW - HOUR), ("0xa", "2", False, NOW - 24 * HOUR))
    load("wallet_holdings")
    warehouse.hold(
        ("0xlate", "3", False, NOW - HOUR),  # the same timestamp as the newest known
        ("0xundated", "4", False, None),
        ("0xancient", "5", False, "1899-01-01 00:00:00"),
        ("0xold", "6", False, NOW - 24 * HOUR),  # older than the overlap: for --full
    )
    (loaded,) = load("wallet_holdings")
    assert (loaded.rows_fetched, loaded.rows_nulled) == (4, 1)
    assert [row[0] for row in held(database)] == [1, 2, 3, 4, 5]
    load("wallet_holdings", full=True)
    assert [row[0] for row in held(database)] == [1, 2, 3, 4, 5, 6]


def test_a_row_dated_ahead_does_not_hide_the_others(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, "2099-01-01 00:00:00"), ("0xa", "2", False, NOW - HOUR))
    load("wallet_holdings")
    warehouse.hold(("0xa", "3", False, NOW))
    load("wallet_holdings")
    assert [row[0] for row in held(database)] == [1, 2, 3]


def test_the_same_row_twice_keeps_the_newest(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xnew", "1", False, NOW), ("0xold", "1", False, NOW - HOUR), ("0xnone", "1", False, None))
    load("wallet_holdings")
    assert held(database) == [(1, "0xnew", False)]
    load("wallet_holdings")
    assert (held(database), log(database)) == ([(1, "0xnew", False)], [])


def test_an_unchanged_source_writes_nothing(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, NOW), ("0xb", "2", False, None))
    load("wallet_holdings")
    before = database.rows("select xmin::text, * from raw.wallet_holdings order by nft_id")
    load("wallet_holdings")
    load("wallet_holdings", full=True)
    assert database.rows("select xmin::text, * from raw.wallet_holdings order by nft_id") == before
    assert log(database) == []


def test_a_full_load_is_a_difference_and_finds_burns(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, NOW), ("0xa", "2", False, NOW), ("0xa", "3", False, NOW))
    load("wallet_holdings")
    warehouse.execute("delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id = '2'")
    assert load("wallet_holdings")[0].rows_deleted == 0
    assert load("wallet_holdings", full=True)[0].rows_deleted == 1
    assert [row[0] for row in held(database)] == [1, 3]
    assert log(database) == [(-1, 2, "0xa")]


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_a_chunk_is_staged_in_parts(
    load: Loader, database: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(staging, "ROWS_AT_ONCE", at_once)
    numbers = [*range(1, 8), 7, "none", None]
    warehouse.hold(*((f"0x{number}", number, number in {2, 3, 7}, NOW) for number in numbers))
    (loaded,) = load("wallet_holdings")
    assert (loaded.rows_fetched, loaded.rows_rejected) == (10, 2)
    assert held(database) == [(number, f"0x{number}", number in {2, 3, 7}) for number in range(1, 8)]
    assert database.value("select count(*) from raw.rejected_rows") == 2


def test_what_cannot_be_loaded_is_kept_with_its_reason_once(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(("0xa", "one", False, NOW), ("0xb", "2", False, "2262-01-01 00:00:00"))
    warehouse.execute("insert into EDITION_PRICE_SCRAPE values ('1', -5, null, null), ('ED123', 5, null, null)")
    for _ in range(2):
        load("wallet_holdings", "edition_price_scrape", full=True)
    rejected = database.rows(
        """select source, reason, "row" ->> 'nft_id' as moment, loaded from raw.rejected_rows order by 1, 2"""
    )
    assert [tuple(row.values()) for row in rejected] == [
        ("edition_price_scrape", "lowest_ask_usd is not a numeric of at least 0", None, False),
        ("wallet_holdings", "last_event_ts is not a timestamptz of the years 1970 to 2099", "2", True),
        ("wallet_holdings", "nft_id is not a bigint", "one", False),
    ]
    assert database.value("select edition_id from raw.edition_price_scrape") == "ED123"


def test_a_source_that_is_too_dirty_is_refused_until_it_is_mended(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    def price(*editions: str, ask: int) -> None:
        warehouse.execute(
            "insert into EDITION_PRICE_SCRAPE values " + ", ".join(f"('{e}', {ask}, null, null)" for e in editions)
        )

    dirty = [f"ED{number}" for number in range(4)]
    price(*(f"ED{number}" for number in range(4, 100)), ask=1)
    price(*dirty, ask=-1)
    with pytest.raises(RunnerError, match=r"4 of 100 rows cannot be loaded \(lowest_ask_usd.*reject_limit of 1.0%"):
        load("edition_price_scrape")
    assert database.value("select count(*) from raw.edition_price_scrape") == 0
    assert database.value("select count(*) from raw.rejected_rows where batch_id is null") == 4
    warehouse.execute("update EDITION_PRICE_SCRAPE set lowest_ask = 1 where edition_id = 'ED0'")
    (loaded,) = load("edition_price_scrape")
    assert (loaded.rows_inserted, loaded.rows_rejected) == (97, 3)
    price("ED100", ask=-1)
    (loaded,) = load("edition_price_scrape")
    assert loaded.rows_rejected == 4, "those that a load has met before are not held against the next"


def test_metadata_is_fetched_above_the_highest_and_where_a_held_moment_lacks_it(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    def describe(*moments: int) -> None:
        rows = ", ".join(f"('{m}', 'E{m}'{', null' * 13})" for m in moments)
        warehouse.execute(f"insert into ALLDAY_CORE_NFT_METADATA values {rows}")

    warehouse.hold(("0xa", "1", False, NOW), ("0xa", "2", False, NOW), ("0xa", "5", False, NOW))
    describe(1, 5)
    load("wallet_holdings", "nft_core_metadata")
    describe(2, 3, 6)  # 2 is held and late, 3 is nobody's, 6 is new
    (loaded,) = load("nft_core_metadata")
    assert loaded.rows_fetched == 2
    known = "select nft_id from raw.nft_core_metadata order by 1"
    assert [row["nft_id"] for row in database.rows(known)] == [1, 2, 5, 6]
    load("nft_core_metadata", full=True)
    assert [row["nft_id"] for row in database.rows(known)] == [1, 2, 3, 5, 6]


def test_prices_are_a_difference_at_every_load(load: Loader, warehouse: Warehouse) -> None:
    warehouse.execute("insert into EDITION_PRICE_SCRAPE values ('1', 1, 2, 3), ('2', 5.5, null, null)")
    load("edition_price_scrape")
    warehouse.execute("delete from EDITION_PRICE_SCRAPE where edition_id = '1'")
    warehouse.execute("update EDITION_PRICE_SCRAPE set lowest_ask = 6 where edition_id = '2'")
    (loaded,) = load("edition_price_scrape")
    assert (loaded.rows_inserted, loaded.rows_updated, loaded.rows_deleted) == (0, 1, 1)


def test_a_source_that_came_back_empty_is_refused(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.execute("insert into EDITION_PRICE_SCRAPE values ('1', 1, 2, 3)")
    load("edition_price_scrape")
    warehouse.execute("delete from EDITION_PRICE_SCRAPE")
    with pytest.raises(RunnerError, match="would delete every row of raw.edition_price_scrape"):
        load("edition_price_scrape")
    assert database.value("select count(*) from raw.edition_price_scrape") == 1


def test_a_load_that_fails_leaves_nothing_behind(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, NOW - HOUR))
    load("wallet_holdings")
    database.execute("alter table raw.wallet_holdings add check (wallet_address <> '0xbad')")
    warehouse.hold(("0xgood", "2", False, NOW), ("0xbad", "3", False, NOW), ("0xc", "four", False, NOW))
    with pytest.raises(RunnerError, match="violates check constraint"):
        load("wallet_holdings")
    assert held(database) == [(1, "0xa", False)]
    assert log(database) == []
    assert database.value("select count(*) from raw.load_batches") == 1
    assert database.value("select count(*) from raw.rejected_rows") == 0


def test_a_missing_table_and_column_are_named(load: Loader, warehouse: Warehouse) -> None:
    warehouse.execute("alter table WALLET_PROFILES drop column display_name")
    with pytest.raises(RunnerError, match="(?i)display_name.*_sources.yml"):
        load("wallet_profiles")
    warehouse.execute("drop table WALLET_PROFILES")
    with pytest.raises(RunnerError, match="(?i)wallet_profiles.*SNOWFLAKE_SCHEMA"):
        load("wallet_profiles")
