"""dbt commands that meet: whichever waits or fails, one ordinary run later every table equals a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.delta.conftest import Workshop
from tests.delta.market import Change, Market
from tests.delta.oracle import differences
from tests.delta.project import SNAPSHOTS, Connection, Project
from tests.delta.workers import Command, Workers, hold, holding, workers

pytestmark = pytest.mark.database

ISOLATIONS = ("read committed", "repeatable read", "serializable")
READERS = {
    "int_wallet_editions": ("int_wallet_facts", "editions_snapshot"),
    "int_editions": ("int_wallet_facts", "editions_snapshot"),
    "int_wallet_facts": tuple(name for name in SNAPSHOTS if "wallet" in name),
}
CHANGES: tuple[Change, ...] = (
    ("transfer", 1, "0xc"),
    ("transfer", 3, "0xa"),
    ("lock", 2, True),
    ("describe", 2, "ED4"),
    ("price", "ED1", 9, 9),
    ("rename", "0xb", "Bea"),
)


@dataclass
class Scene:
    """A market that is loaded and built, a session that looks on, another that holds locks, and processes."""

    project: Project
    market: Market
    connection: Connection
    holder: Connection
    workers: Workers

    def trade(self, *changes: Change, connection: Connection | None = None) -> None:
        """Let changes happen and load them."""
        self.market.happen(changes or CHANGES)
        self.market.load_all(connection or self.connection)

    def start(self, name: str, *models: str, full_refresh: bool = False, compact_share: float = 1e9) -> Command:
        return self.workers.start(name, self.project, *models, full_refresh=full_refresh, compact_share=compact_share)

    def hold(self, table: str, name: str) -> None:
        """Stop this process before it writes to the table."""
        hold(self.connection, table, name)
        holding(self.holder)

    def release(self) -> None:
        self.holder.commit()

    def join(self, *commands: Command) -> None:
        for command in commands:
            command.join(self.connection)

    def assert_equal_after_a_run(self) -> None:
        run = self.project.run()
        assert run.ok, run.errors
        assert_equal(self.connection)

    def isolate(self, isolation: str) -> None:
        """The default of sessions that begin from now on."""
        self.connection.execute(
            f"alter database {self.connection.info.dbname} set default_transaction_isolation = '{isolation}'"
        )


def assert_equal(connection: Connection, schema: str = "public", tables: tuple[str, ...] = SNAPSHOTS) -> None:
    assert not {table: rows for table, rows in differences(connection, schema, tables).items() if rows}


@pytest.fixture
def scene(workshop: Workshop, opened: Market, tmp_path: Path) -> Iterator[Scene]:
    project = workshop.renew("traded")
    with (
        psycopg.connect(project.url, autocommit=True) as connection,
        psycopg.connect(project.url) as holder,
        workers(tmp_path / "workers") as started,
    ):
        yield Scene(project, deepcopy(opened), connection, holder, started)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_full_refresh_beside_a_run_that_has_begun_counts_changes_once(scene: Scene, isolation: str) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.isolate(isolation)
    scene.holder.execute("lock table excluded_wallets in access exclusive mode")
    full = scene.start("full", "top_wallets_snapshot", full_refresh=True)
    assert full.waits(scene.connection)
    ordinary = scene.start("ordinary", "top_wallets_snapshot")
    assert ordinary.waits(scene.connection)
    scene.release()
    scene.join(full, ordinary)
    scene.assert_equal_after_a_run()


@pytest.mark.parametrize("log", READERS)
def test_a_reader_that_begins_while_its_log_is_made_anew_counts_it_once(scene: Scene, log: str) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.hold("delta.watermarks", "full")
    full = scene.start("full", log, full_refresh=True)
    assert full.waits(scene.connection)
    reading = scene.start("reading", *READERS[log])
    reading.waits(scene.connection)
    scene.release()
    scene.join(full, reading)
    scene.assert_equal_after_a_run()


@pytest.mark.parametrize("full_refresh", [False, True])
@pytest.mark.parametrize("written", ["delta.watermarks", "top_wallets_snapshot"])
def test_the_older_of_two_rebuilds_does_not_win(scene: Scene, written: str, full_refresh: bool) -> None:
    scene.trade()
    scene.connection.execute("delete from delta.watermarks where reader = 'top_wallets_snapshot'::regclass")
    scene.hold(written, "older")
    older = scene.start("older", "top_wallets_snapshot", full_refresh=full_refresh)
    older.waits(scene.connection)
    newer = scene.start("newer", "intermediate", "top_wallets_snapshot", full_refresh=full_refresh)
    newer.waits(scene.connection)
    scene.release()
    scene.join(older, newer)
    scene.assert_equal_after_a_run()
