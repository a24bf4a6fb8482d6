"""Reconciliation: the raw tables become what a full load would make of them, at the cost of the difference."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.errors import RunnerError
from python_runner.sources import read_sources
from tests.conftest import Database, Loader, Warehouse
from tests.roles import prepare
from tests.tiers import first_of

pytestmark = pytest.mark.database

SOURCES = read_sources()
NOON = datetime(2025, 6, 1, 12)  # noqa: DTZ001  the source's times have no zone
KEYS = {
    "wallet_holdings": ["1", "7", "007", " 7 ", "9", "-5", "1.5", "x", "", None, "9\u00a0", "123456789012345678",
                        *map(str, range(3000, 3060)), *map(str, range(5_000_000, 5_000_020))],
    "edition_price_scrape": ["ED123", " ED123 ", "7", "É7", "e\t1", "", None, *map(str, range(60))],
    "wallet_profiles": ["0xAB", "0xab", " 0xab", "0xÉ", "", None, *(f"0x{n:x}" for n in range(60))],
}  # fmt: skip
KEYS["nft_core_metadata"] = KEYS["wallet_holdings"]
TEXTS = [None, "", " ", "a", " a ", "A", "é", "x\x1fy", "x|y", "tab\t", "\u00a0", "\\", "'", "😀"]
NUMBERS = [None, "5", "05", " 5 ", "-1", "5.0", "5.5", "many", "2147483648", "99999999999999999999", "5\u00a0", ""]
PRICES = [None, 0.1, 1e6, 12.5, 0.125, 2.675, 1.005, -0.001, -0.005, -3, "nan", 1e15, 1e300, 99999999.99, 13491.449,
          1234567890.12, 0.30000000000000004, 1e-7]  # fmt: skip
TIMES = [None, "1899-12-30 00:00:00", "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2099-12-31 23:59:59.999999",
         "2100-01-01 00:00:00", "9999-12-31 00:00:00", "2025-06-01 12:00:00.000001", "2025-06-01 12:00:00"]  # fmt: skip


def literal(value: Any) -> str:
    if value is None:
        return "null"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def row(chance: random.Random, source: str, key: Any) -> list[Any]:
    if source == "wallet_holdings":
        wallet = chance.choice(["0xa", "0xA", " 0xb", "0xÉ", "", None, "0xc"])
        return [wallet, key, chance.choice([True, False, None]), chance.choice(TIMES)]
    if source == "nft_core_metadata":
        texts = [chance.choice(TEXTS) for _ in range(12)]
        return [key, *texts[:7], chance.choice(NUMBERS), chance.choice(NUMBERS), *texts[7:]]
    if source == "edition_price_scrape":
        return [key, *(chance.choice(PRICES) for _ in range(3))]
    return [key, chance.choice(TEXTS)]


def filling(chance: random.Random, source: str, keys: list[Any]) -> str:
    rows = ", ".join(f"({', '.join(map(literal, row(chance, source, key)))})" for key in keys)
    return f"insert into {SOURCES[source].snowflake_table} values {rows}"


def drift(chance: random.Random, source: str) -> list[str]:
    """Some rows go, some change, some come, some come twice."""
    declared = SOURCES[source]
    touched = [key for key in chance.sample(KEYS[source], 16) if key is not None]
    among = f"{declared.key_column.snowflake_name} in ({', '.join(map(literal, touched))})"
    return [
        f"delete from {declared.snowflake_table} where {among}",
        filling(chance, source, touched[:12] + touched[:3]),
    ]


def content(database: Database, source: str) -> list[dict[str, Any]]:
    columns = ", ".join(SOURCES[source].column_names)
    return database.rows(f"select {columns} from raw.{source} order by 1")


def log_rows(database: Database, source: str, columns: str = "") -> list[dict[str, Any]]:
    columns = columns or ", ".join(["weight", *SOURCES[source].column_names])
    return database.rows(f"select {columns} from raw.{source}_changes order by {SOURCES[source].key}, weight")


@pytest.fixture
def load(database: Database, warehouse: Warehouse) -> Loader:
    """Most of what is loaded here is dirty on purpose."""
    return Loader(database, warehouse, reject_limit=1)


@pytest.fixture
def fresh(server_url: str, database: Database, warehouse: Warehouse) -> Iterator[Callable[[], Database]]:
    """Makes databases into which everything is loaded again."""
    made: list[str] = []

    def make() -> Database:
        made.append(f"{database.value('select current_database()')}_{len(made)}")
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(SQL("create database {}").format(Identifier(made[-1])))
        rebuilt = Database(make_conninfo(server_url, dbname=made[-1]))
        prepare(rebuilt.url)
        Loader(rebuilt, warehouse, reject_limit=1)()
        return rebuilt

    yield make
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in made:
            connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))


@pytest.mark.parametrize("seed", first_of(range(3)))
def test_any_drift_is_repaired_to_what_a_full_load_gives(
    load: Loader, database: Database, warehouse: Warehouse, fresh: Callable[[], Database], seed: int
) -> None:
    chance = random.Random(seed)
    warehouse.execute(*(filling(chance, source, KEYS[source]) for source in SOURCES))
    load()
    before = {source: content(database, source) for source in SOURCES}
    warehouse.execute(*(statement for source in SOURCES for statement in drift(chance, source)))
    load.reconcile()
    rebuilt = fresh()
    for source in SOURCES:
        assert content(database, source) == content(rebuilt, source), source
        gone = [{"weight": -1, **r} for r in before[source]]
        come = [{"weight": 1, **r} for r in content(database, source)]
        changed = [r for r in gone + come if {**r, "weight": -r["weight"]} not in gone + come]
        assert sorted(map(repr, log_rows(database, source))) == sorted(map(repr, changed)), source


def usable(warehouse: Warehouse) -> None:
    """Rows that are dirty only in ways that SQL foresees."""
    warehouse.hold(
        ("0xAB", "1", True, "2025-06-01 12:00:00.123456"),
        ("0xAB", "1", True, "2025-06-01 12:00:00.123456"),  # the same row twice
        ("0xold", "1", False, "2025-06-01 11:00:00"),
        (" 0xcd ", "007", False, None),
        ("0xe", "123456789012345678", False, "1899-12-30 00:00:00"),
        ("0xf", "-5", False, "2262-04-11 23:47:16.854775"),
        ("0xf", "not-a-number", False, None),
        ("", "9", False, None),
        (None, "10", False, None),
        ("0xg", None, False, None),
    )
    warehouse.execute(
        "insert into EDITION_PRICE_SCRAPE values ('ED123', 0.1, 1e6, null), ('2', -5, 1, 1), (' 3', 12.5, 2.349, 0)",
        "insert into WALLET_PROFILES values ('0xAB', 'Émile 😀'), ('0xc', ''), ('0xd', null), (' 0xE', ' a ')",
        """
        insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id, max_mint_size, serial_number, team_name) values
        ('1', 'ED123', '100', ' 07 ', null), ('2', '', '5.0', 'many', 'Zürich'), ('3', null, '99999999999', '-1', '|')
        """,
    )


def test_what_is_equal_does_not_travel(load: Loader, database: Database, warehouse: Warehouse) -> None:
    usable(warehouse)
    load()
    assert [one.rows_fetched for one in load.reconcile()] == [0, 0, 0, 0]
    assert database.value("select count(*) from raw.wallet_holdings_changes") == 0


def test_a_repaired_source_is_equal(load: Loader, warehouse: Warehouse) -> None:
    usable(warehouse)
    load()
    warehouse.execute(
        "update ALLDAY_WALLET_HOLDINGS_CURRENT set is_locked = not is_locked where nft_id = '1'",
        "update ALLDAY_CORE_NFT_METADATA set team_name = 'Basel' where nft_id = '2'",
        "update EDITION_PRICE_SCRAPE set top_sale = 4 where edition_id = 'ED123'",
        "delete from WALLET_PROFILES where wallet_address = '0xd'",
    )
    repaired = load.reconcile()
    assert [(one.mode, one.rows_updated, one.rows_deleted) for one in repaired] == [
        ("reconcile", 1, 0), ("reconcile", 1, 0), ("reconcile", 1, 0), ("reconcile", 0, 1)
    ]  # fmt: skip
    assert [one.rows_fetched for one in load.reconcile()] == [0, 0, 0, 0]


def many(warehouse: Warehouse) -> None:
    warehouse.execute(
        f"""
        insert into ALLDAY_WALLET_HOLDINGS_CURRENT
        select '0xa', to_varchar(seq * 3), false, '{NOON}' from (
            select row_number() over (order by null) as seq from table(generator(rowcount => 100000))
        ) as numbers
        """
    )


def test_burns_late_rows_and_drift_travel_alone(load: Loader, database: Database, warehouse: Warehouse) -> None:
    many(warehouse)
    load("wallet_holdings")
    warehouse.execute(
        "delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id in ('3', '150000')",
        "update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0xB' where nft_id = '299997'",
    )
    warehouse.hold(("0xlate", "4", False, NOON - timedelta(days=900)))
    (repaired,) = load.reconcile("wallet_holdings")
    assert (repaired.rows_inserted, repaired.rows_updated, repaired.rows_deleted) == (1, 1, 2)
    assert 0 < repaired.rows_fetched < 5 * 1024
    assert log_rows(database, "wallet_holdings", "weight, nft_id, wallet_address") == [
        {"weight": -1, "nft_id": 3, "wallet_address": "0xa"},
        {"weight": 1, "nft_id": 4, "wallet_address": "0xlate"},
        {"weight": -1, "nft_id": 150000, "wallet_address": "0xa"},
        {"weight": -1, "nft_id": 299997, "wallet_address": "0xa"},
        {"weight": 1, "nft_id": 299997, "wallet_address": "0xb"},
    ]


def test_the_last_row_of_a_bucket_can_be_burned(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, NOON), ("0xa", "5000000", False, NOON))
    load("wallet_holdings")
    warehouse.execute("delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id = '5000000'")
    (repaired,) = load.reconcile("wallet_holdings")
    assert (repaired.rows_fetched, repaired.rows_deleted) == (0, 1)
    assert [row["nft_id"] for row in content(database, "wallet_holdings")] == [1]


def test_what_a_part_shows_does_not_hide_the_rest_from_the_next_load(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(("0xa", "1", False, NOON), ("0xa", "5000000", False, NOON))
    load("wallet_holdings")
    mark = "select max(high_water_mark) from raw.load_batches"
    before = database.value(mark)
    warehouse.execute(
        f"update ALLDAY_WALLET_HOLDINGS_CURRENT set last_event_ts = '{NOON + timedelta(days=9)}' where nft_id = '1'"
    )
    load.reconcile("wallet_holdings")
    assert database.value(mark) == before


def test_an_empty_table_is_loaded(load: Loader, warehouse: Warehouse) -> None:
    usable(warehouse)
    assert {(one.mode, one.baseline) for one in load.reconcile()} == {("first", True)}


@pytest.mark.parametrize("how", ["reconcile", "preview"])
def test_a_source_that_came_back_empty_is_refused(load: Loader, warehouse: Warehouse, how: str) -> None:
    usable(warehouse)
    load("wallet_profiles")
    warehouse.execute("delete from WALLET_PROFILES")
    with pytest.raises(RunnerError, match="would delete every row of raw.wallet_profiles"):
        getattr(load, how)("wallet_profiles")


def test_a_preview_says_what_would_change_and_changes_nothing(
    load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.execute("insert into WALLET_PROFILES values ('0xa', 'Ann'), ('0xb', 'Ben'), ('0xc', 'Cid')")
    load("wallet_profiles")
    warehouse.execute(
        "delete from WALLET_PROFILES where wallet_address = '0xa'",
        "update WALLET_PROFILES set display_name = null where wallet_address = '0xb'",
        "insert into WALLET_PROFILES values ('0xD', 'Dan')",
    )
    everything = "select xmin::text, * from raw.wallet_profiles order by 2"
    before = database.rows(everything)
    (shown,) = load.preview("wallet_profiles")
    assert (shown.rows_inserted, shown.rows_updated, shown.rows_deleted) == (1, 1, 1)
    a, b = ({"wallet_address": f"0x{x.lower()[0]}", "display_name": x} for x in ("Ann", "Ben"))
    d = {"wallet_address": "0xd", "display_name": "Dan"}
    assert shown.first == [
        {"change": "delete", "key": "0xa", "was": a, "becomes": None},
        {"change": "update", "key": "0xb", "was": b, "becomes": b | {"display_name": None}},
        {"change": "insert", "key": "0xd", "was": None, "becomes": d},
    ]
    assert database.rows(everything) == before
    assert database.value("select count(*) from raw.load_batches") == 1
    assert database.value("select count(*) from raw.wallet_profiles_changes") == 0
    assert database.value("select to_regclass('raw.wallet_profiles_stage')") is None
    (done,) = load.reconcile("wallet_profiles")
    assert (done.rows_inserted, done.rows_updated, done.rows_deleted) == (1, 1, 1)
