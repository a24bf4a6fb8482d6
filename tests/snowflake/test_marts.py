"""The published tables that are built on Snowflake equal those built by delta, and readers notice no difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from python_runner import refresh, warehouse
from python_runner.console.progress import ProgressListener, progress_listener
from python_runner.demo import sample, stand_in
from python_runner.demo.day import simulate_day
from python_runner.marts import read_marts
from python_runner.postgres.channel import CHANNEL
from python_runner.settings import snowflake_settings
from python_runner.sources import read_sources
from tests.conftest import Database
from tests.snowflake.warehouse import bounded

pytestmark = pytest.mark.snowflake

TABLES = sorted(mart.name for mart in read_marts())
FILTERS = "explorer_filters_snapshot"


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stand_in.StandIn]:
    """The demo's sample, with its duplicates and its unusable values."""
    folder = tmp_path_factory.mktemp("collection")
    sample.generate(folder / f"{sample.DATABASE}.db", sample.Scale(8_000))
    try:
        yield stand_in.start(folder)
    finally:
        stand_in.stop(folder)


@dataclass
class Ways:
    """The two ways to the published tables, from one collection into one database."""

    database: Database
    connections: refresh.Connections
    listener: ProgressListener

    def move(self) -> warehouse.Moved:
        """Build on Snowflake, and take over what differs."""
        return warehouse.move_marts(self.database.settings, self.connections, self.listener)

    def build(self, mode: refresh.LoadMode = "ordinary") -> None:
        """Load, and build by delta."""
        refresh.load(self.connections, list(read_sources().values()), self.listener, mode=mode)
        refresh.build(self.database.settings, self.listener)


@pytest.fixture
def ways(database: Database, collection: stand_in.StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ways]:
    for name, value in (collection.environment | {"SNOWFLAKE_RATE_LIMIT_RPS": "1000"}).items():
        monkeypatch.setenv(name, value)
    with (
        bounded(600),
        progress_listener(as_json=False) as listener,
        refresh.connect(database.settings, snowflake_settings(None), listener) as connections,
    ):
        yield Ways(database, connections, listener)


def contents(database: Database) -> dict[str, set[str]]:
    """The rows of each table, without the times."""
    times = "array['updated_at', 'last_synced_at']"
    return {
        name: {
            row["content"] for row in database.rows(f"select (to_jsonb(t) - {times})::text as content from {name} as t")
        }
        for name in [*TABLES, FILTERS]
    }


def versions(database: Database) -> dict[str, int]:
    rows = database.rows("select split_part(relation_name, '.', 2) as name, version from delta.versions")
    return {row["name"]: row["version"] for row in rows if row["name"] in TABLES}


def indexes(database: Database) -> set[str]:
    rows = database.rows("select indexdef from pg_indexes where schemaname = 'public'")
    return {row["indexdef"].split(" ON ")[1] for row in rows if any(f".{name} " in row["indexdef"] for name in TABLES)}


def test_both_ways_give_the_same_tables(ways: Ways, collection: stand_in.StandIn) -> None:
    database = ways.database
    ways.build()
    by_delta, built, known = contents(database), versions(database), indexes(database)

    moved = ways.move()
    assert {one.table: one.rows for one in moved.transferred} == {name: len(by_delta[name]) for name in TABLES}
    assert contents(database) == by_delta
    assert versions(database) == built, "what does not differ is not written, and nobody is notified"

    simulate_day(collection)
    ways.move()
    a_day_later = contents(database)
    assert a_day_later != by_delta
    ways.build("reconcile")
    assert contents(database) == a_day_later, "tables that came from Snowflake are rebuilt from what is loaded"
    assert indexes(database) == known


def test_an_empty_database_gets_tables_indexes_and_notices(ways: Ways) -> None:
    database = ways.database
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(SQL("listen {}").format(Identifier(CHANNEL)))
        ways.move()
        notices = {notice.payload for notice in connection.notifies(timeout=0)}
    assert {f"public.{name}" for name in [*TABLES, FILTERS]} <= notices
    assert versions(database) == dict.fromkeys(TABLES, 1)
    assert any("(edition_id)" in definition for definition in indexes(database))
    assert database.value("select count(*) from pg_tables where tablename like '%%\\_stage'") == 0
    assert database.value("select count(*) from raw.load_plans") == 0


def test_rows_that_vanished_on_snowflake_vanish(ways: Ways) -> None:
    database = ways.database
    ways.move()
    ghost: dict[str, Any] = database.rows("select * from top_wallets_snapshot limit 1")[0]
    ghost |= {"wallet_address": "0xghost"}
    columns, marks = ", ".join(ghost), ", ".join(["%s"] * len(ghost))
    database.execute(f"insert into top_wallets_snapshot ({columns}) values ({marks})", *ghost.values())
    before = versions(database)
    ways.move()
    assert database.value("select count(*) from top_wallets_snapshot where wallet_address = '0xghost'") == 0
    assert versions(database) == before | {"top_wallets_snapshot": before["top_wallets_snapshot"] + 1}
