"""Two target schemas in one database share the loaded tables: only the one that they belong to changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delta.conftest import Trade
from tests.delta.market import Market
from tests.delta.oracle import assert_equal
from tests.delta.project import Connection, Project, copy_project
from tests.roles import add_schema

pytestmark = pytest.mark.database

DEVELOPER = "dev-ann"
DECLARATION = "models/staging/_sources.yml"
BRANCH = {
    "              - {columns: [last_event_ts]}\n": "",
    "              - {columns: [team_name]}\n": "              - {columns: [play_id]}\n",
    "            key: edition_id\n": (
        "            key: edition_id\n            partition_by: {hash: edition_id, partitions: 2}\n"
    ),
}
LOADED = """
select relname, relkind, relfilenode from pg_class
where relnamespace = 'raw'::regnamespace and relkind in ('r', 'p', 'i')
order by relname
"""


@pytest.fixture
def developer(opened: Market, project: Project, tmp_path: Path) -> Project:
    """A branch that declares other indexes and partitions of the loaded tables."""
    assert opened
    add_schema(project.url, DEVELOPER)
    branch = Project(project.url, tmp_path, schema=DEVELOPER, home=copy_project(tmp_path / "project"))
    text = (branch.home / DECLARATION).read_text()
    for before, after in BRANCH.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    (branch.home / DECLARATION).write_text(text)
    branch.parse()
    return branch


def build(environment: Project) -> None:
    environment.seed()
    assert environment.run("*").ok


@pytest.mark.slow
def test_a_developer_leaves_the_loaded_tables_as_they_are(
    project: Project, developer: Project, trade: Trade, connection: Connection
) -> None:
    before = connection.execute(LOADED).fetchall()
    build(developer)
    assert connection.execute(LOADED).fetchall() == before
    with pytest.raises(AssertionError, match="raw belongs to the target schema public"):
        developer.operate("partition_table", table="raw.edition_price_scrape")
    trade()
    for environment in (developer, project, developer):
        trade(("transfer", 1, "0xc"), ("price", "ED1", 9, 9))
        ran = environment.run()
        assert ran.ok, ran.errors
        assert ran.rebuilt == {}
        assert_equal(connection, environment.schema)
        trade(("describe", 2, "ED4"), ("transfer", 2, "0xb"))
    assert connection.execute(LOADED).fetchall() == before

    developer.operate("take_over_sources")
    assert developer.run().ok
    after = connection.execute(LOADED).fetchall()
    assert [name for name, *_ in after if "play_id" in name]
    assert not [name for name, *_ in after if "team_name" in name]
    assert project.run().ok
    assert connection.execute(LOADED).fetchall() == after


def test_a_developer_keeps_the_watermarks_of_others(
    project: Project, developer: Project, trade: Trade, connection: Connection
) -> None:
    """Which belong to readers that have been away for long."""
    build(developer)
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    assert project.run("int_wallet_editions", "int_editions").ok
    connection.execute("update delta.watermarks set read_at = now() - interval '15 days'")
    assert developer.run("int_editions").ok
    assert project.run().rebuilt == {}
    assert_equal(connection)
