"""A loaded table and snapshots that are partitioned are maintained as heaps are, from the start or once converted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.delta import oracle
from tests.delta.market import EDITIONS, MOMENTS, WALLETS, Change, Market
from tests.delta.project import Connection, Project, copy_project

pytestmark = [pytest.mark.database, pytest.mark.slow]

META = "    meta={\n"
DECLARED = {
    "models/staging/_sources.yml": (
        "            key: nft_id\n            incremental: cursor\n",
        "            partition_by: {hash: nft_id, partitions: 4}\n",
    ),
    "models/marts/wallet_summary_snapshot.sql": (
        META,
        "'partition_by': {'hash': 'wallet_address', 'partitions': 3},\n",
    ),
    "models/marts/leaderboards/top_wallets_by_team_snapshot.sql": (
        "    unique_key=['wallet_address', 'team_name'],\n",
        "    meta={'partition_by': {'list': 'team_name', 'values': ['Lions', 'Bears']}},\n",
    ),
}
PARTITIONS = {"raw.wallet_holdings": 4, "wallet_summary_snapshot": 3, "top_wallets_by_team_snapshot": 3}
DAYS: list[list[Change]] = [
    [("transfer", 1, "0xc"), ("lock", 2, True), ("price", "ED1", 7, 8), ("correct", "ED2", "rare", "Bears", {2, 5})],
    [("sell_all", "0xb", "0xa"), ("mint", 20, "0xd", None), ("rename", "0xc", "Cy"), ("describe", 4, "ED4")],
    [("describe", 20, "ED3"), ("correct", "ED3", "COMMON", "Owls", {3, 6, 20}), ("burn", 6), ("sell_all", "0xc", None)],
]


@pytest.fixture
def project(database_url: str, tmp_path: Path) -> Project:
    """A copy of the project, in which declarations may be changed."""
    return Project(database_url, tmp_path, home=copy_project(tmp_path / "project"))


@pytest.fixture
def connection(project: Project) -> Iterator[Connection]:
    with psycopg.connect(project.url, autocommit=True) as connection:
        yield connection


def declare(project: Project) -> None:
    for name, (before, partition_by) in DECLARED.items():
        text = (project.home / name).read_text()
        assert text.count(before) == 1
        (project.home / name).write_text(text.replace(before, before + partition_by))


def opened() -> Market:
    market = Market()
    market.happen(("mint", moment, WALLETS[moment % 4], EDITIONS[moment % 3]) for moment in MOMENTS)
    market.happen([("price", "ED1", 2, 3), ("price", "ED2", None, 5), ("rename", "0xa", "Ada")])
    return market


def assert_maintained(project: Project, connection: Connection, market: Market, days: list[list[Change]]) -> None:
    """By increments alone, each equal to a rebuild."""
    for changes in days:
        market.happen(changes)
        market.load_all(connection, whole=True)
        ran = project.run()
        assert ran.ok, ran.errors
        assert ran.rebuilt == {}
        assert_equal(connection)


def assert_equal(connection: Connection) -> None:
    oracle.assert_equal(connection)
    found = {
        table: connection.execute("select count(*) from pg_inherits where inhparent = to_regclass(%s)", (table,))
        for table in PARTITIONS
    }
    assert {table: cursor.fetchone() for table, cursor in found.items()} == {t: (n,) for t, n in PARTITIONS.items()}


def test_partitioned_tables_stay_equal_to_a_rebuild(project: Project, connection: Connection) -> None:
    declare(project)
    project.prepare()
    market = opened()
    market.load_all(connection, whole=True)
    assert project.run().ok
    assert_equal(connection)
    assert_maintained(project, connection, market, DAYS)
    assert project.run(full_refresh=True).ok
    assert_equal(connection)


def test_converted_tables_go_on_from_where_they_were(project: Project, connection: Connection) -> None:
    project.prepare()
    market = opened()
    market.load_all(connection, whole=True)
    assert project.run().ok
    market.happen(DAYS[0])
    market.load_all(connection, whole=True)
    declare(project)
    project.parse()
    for table in PARTITIONS:
        project.operate("partition_table", table=table)
    assert_maintained(project, connection, market, DAYS[1:])
