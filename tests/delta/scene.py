"""A market on which dbt commands meet: some are stopped by locks, others go on beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.delta.conftest import Workshop
from tests.delta.market import Change, Market
from tests.delta.oracle import assert_equal
from tests.delta.project import SNAPSHOTS, Connection, Project, Run
from tests.delta.workers import Command, Workers, hold, holding, workers

SYSTEM_WALLET = "0xe4cf4bdc1751c65d"
CHANGES: tuple[Change, ...] = (
    ("transfer", 1, "0xc"),
    ("transfer", 4, "0xb"),
    ("transfer", 6, SYSTEM_WALLET),
    ("lock", 2, True),
    ("describe", 2, "ED4"),
    ("price", "ED1", 9, 9),
    ("rename", "0xb", "Bea"),
)
EXPOSED = f"""
select 'top_wallets_snapshot' from top_wallets_snapshot where wallet_address = '{SYSTEM_WALLET}'
union all
select 'top_wallets_by_value_snapshot' from top_wallets_by_value_snapshot where wallet_address = '{SYSTEM_WALLET}'
"""


@dataclass
class Scene:
    """A session that looks on, another that holds locks, and processes."""

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
        """Run these models in a process."""
        return self.workers.start(name, self.project, *models, full_refresh=full_refresh, compact_share=compact_share)

    def start_load(self, name: str, *changes: Change) -> Command:
        """Let changes happen in a process, and load them there."""

        def load(own: Project) -> Run:
            with psycopg.connect(own.url, autocommit=True, application_name=name) as connection:
                self.trade(*changes, connection=connection)
            return Run({}, {}, {})

        return self.workers.work(name, self.project, load)

    @contextmanager
    def loading(self, *changes: Change) -> Iterator[None]:
        """A load that has changed everything, and commits last."""
        with psycopg.connect(self.project.url, autocommit=True) as connection, connection.transaction():
            self.trade(*changes, connection=connection)
            yield

    def hold(self, table: str, name: str) -> None:
        """Stop this process before it writes to the table."""
        hold(self.connection, table, name)
        holding(self.holder)

    def lock(self, table: str) -> None:
        """Let nobody read the table."""
        self.holder.execute(f"lock table {table} in access exclusive mode")

    def release(self) -> None:
        self.holder.commit()

    def finish(self, *commands: Command) -> None:
        """Let everybody go on, and wait for them."""
        self.release()
        for command in commands:
            command.join(self.connection)

    def isolate(self, isolation: str) -> None:
        """The default of sessions that begin from now on."""
        name = self.connection.info.dbname
        self.connection.execute(f"alter database {name} set default_transaction_isolation = '{isolation}'")

    def assert_equal(self, schema: str = "public", tables: tuple[str, ...] = SNAPSHOTS) -> None:
        assert_equal(self.connection, schema, tables)

    def assert_equal_after_a_run(self) -> Run:
        """One ordinary run of everything mends what a command may have left."""
        run = self.project.run()
        assert run.ok, run.errors
        self.assert_equal()
        return run

    def assert_system_wallets_are_left_out(self) -> None:
        exposed = self.connection.execute(EXPOSED).fetchall()
        assert not exposed, f"a system wallet is on {exposed}"


@contextmanager
def scene_of(workshop: Workshop, opened: Market, folder: Path) -> Iterator[Scene]:
    """On a database in which the market is loaded and built."""
    project = workshop.renew("traded")
    with (
        psycopg.connect(project.url, autocommit=True) as connection,
        psycopg.connect(project.url) as holder,
        workers(folder / "workers") as started,
    ):
        yield Scene(project, deepcopy(opened), connection, holder, started)
