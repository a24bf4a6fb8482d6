"""A mart follows its inputs that have no changelog: a seed that changes makes it rebuild."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delta.conftest import Trade, Workshop
from tests.delta.market import Market
from tests.delta.oracle import differences
from tests.delta.project import Connection, Project, copy_project

pytestmark = pytest.mark.database

LEADERBOARDS = {
    "top_wallets_snapshot",
    "top_wallets_by_team_snapshot",
    "top_wallets_by_tier_snapshot",
    "top_wallets_by_value_snapshot",
}


def on_leaderboards(connection: Connection, wallet: str) -> set[str]:
    counts = {
        name: connection.execute(f"select count(*) from {name} where wallet_address = %s", (wallet,)).fetchone()
        for name in LEADERBOARDS
    }
    return {name for name, count in counts.items() if count != (0,)}


def test_a_wallet_that_is_excluded_leaves_the_leaderboards_and_comes_back(
    project: Project, trade: Trade, connection: Connection
) -> None:
    connection.execute("insert into excluded_wallets values ('0xb', 'tried')")
    rebuilt = project.run().rebuilt
    assert rebuilt == dict.fromkeys(LEADERBOARDS, "public.stg_excluded_wallets has changed")
    assert on_leaderboards(connection, "0xb") == set()
    connection.execute("delete from excluded_wallets where wallet_address = '0xb'")
    trade(("transfer", 1, "0xb"))
    assert set(project.run().rebuilt) == LEADERBOARDS
    assert on_leaderboards(connection, "0xb") == LEADERBOARDS
    assert not any(differences(connection).values())


def test_a_wallet_is_excluded_however_it_is_written(project: Project, connection: Connection) -> None:
    connection.execute("insert into excluded_wallets values (' 0XB ', 'as copied'), ('0xb', 'twice'), (null, 'nobody')")
    assert set(project.run().rebuilt) == LEADERBOARDS
    assert on_leaderboards(connection, "0xb") == set()
    assert on_leaderboards(connection, "0xa") == LEADERBOARDS
    connection.execute("update excluded_wallets set reason = 'another'")
    assert project.run().rebuilt == {}


def test_a_seed_that_is_loaded_again_unchanged_rebuilds_nothing(project: Project, connection: Connection) -> None:
    project.seed()
    assert project.run().rebuilt == {}
    connection.execute("drop table delta.contents")  # as in a database of an older version
    assert set(project.run().rebuilt) == LEADERBOARDS
    assert project.run().rebuilt == {}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "{int_wallet_facts: whole}",
            "which meta.delta does not name: declare 'stg_excluded_wallets': 'content'",
        ),
        ("{stg_excluded_wallets: content}", "declares only content under meta.delta"),
    ],
)
def test_a_declaration_that_would_miss_changes_is_an_error(
    workshop: Workshop, opened: Market, tmp_path: Path, declared: str, message: str
) -> None:
    assert opened
    production = workshop.renew("traded")
    project = Project(production.url, tmp_path, home=copy_project(tmp_path / "project"))
    settings = project.home / "dbt_project.yml"
    settings.write_text(
        settings.read_text().replace("{int_wallet_facts: whole, stg_excluded_wallets: content}", declared)
    )
    project.parse()
    errors = project.run("top_wallets_snapshot").errors
    assert message in errors["top_wallets_snapshot"]
