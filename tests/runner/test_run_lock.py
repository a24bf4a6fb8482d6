"""Two loads or builds at once: the second waits and says for whom, or fails at once."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from python_runner.console.progress import JsonLines, ProgressListener
from python_runner.errors import RunnerError
from python_runner.postgres.pool import open_pool
from python_runner.postgres.run_lock import hold_run_lock
from python_runner.refresh import build
from tests.conftest import Database, Loader, Warehouse

pytestmark = pytest.mark.database

END = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'runner run'"


def test_the_second_fails_at_once_without_waiting(database: Database) -> None:
    busy = r"busy with `runner load` \(process \d+, since \d\d:\d\d:\d\d\)"
    with (
        hold_run_lock(database.settings, "load", wait=True, notify=print),
        pytest.raises(RunnerError, match=busy),
        hold_run_lock(database.settings, "run", wait=False, notify=print),
    ):
        raise AssertionError("both hold it")


def test_the_lock_keeps_no_snapshot(database: Database) -> None:
    """CREATE INDEX CONCURRENTLY waits for every snapshot, and a run that holds the lock runs it."""
    isolation = f"alter database \"{database.name}\" set default_transaction_isolation = 'repeatable read'"
    database.execute(isolation)
    with hold_run_lock(database.settings, "run", wait=True, notify=print) as lock:
        for _ in range(20):
            lock.check()
        held = "select backend_xmin from pg_stat_activity where application_name = 'runner run'"
        assert database.value(held) is None


def test_the_second_waits_says_for_whom_and_goes_on(database: Database) -> None:
    messages: list[str] = []
    waiting, done = Event(), Event()

    def notify(text: str) -> None:
        messages.append(text)
        waiting.set()

    def second() -> None:
        with hold_run_lock(database.settings, "run", wait=True, notify=notify):
            done.set()

    with hold_run_lock(database.settings, "load", wait=True, notify=print):
        thread = Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not done.is_set()
        # It waits for every snapshot, also for that of a statement which waits for the lock.
        with psycopg.connect(database.url, autocommit=True, options="-c statement_timeout=20s") as connection:
            connection.execute("create table indexed (id integer)")
            connection.execute("create index concurrently on indexed (id)")
    thread.join(10)
    assert done.is_set()
    assert messages[0].startswith("waiting for `runner load` (process ")


def test_a_run_that_has_lost_its_lock_stops(database: Database) -> None:
    lost = "`runner run` has lost its lock"
    with (
        hold_run_lock(database.settings, "run", wait=True, notify=print) as lock,
        open_pool(database.settings, lock.check) as pool,
    ):
        with pool.transaction() as connection:
            connection.execute(END)
        with pytest.raises(RunnerError, match=lost), pool.transaction():
            raise AssertionError("it goes on")
        with pytest.raises(RunnerError, match=lost):
            build(database.settings, JsonLines(), lock=lock)


@dataclass
class Ending(ProgressListener):
    """Ends the session that holds the lock when a model is done."""

    database: Database
    model: str

    def emit(self, event: str, **fields: Any) -> None:
        if event == "node" and fields["name"] == self.model:
            self.database.execute(END)


def test_a_build_that_has_lost_its_lock_writes_no_more(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"))
    load()
    with (
        hold_run_lock(database.settings, "run", wait=True, notify=print) as lock,
        pytest.raises(RunnerError, match="`runner run` has lost its lock"),
    ):
        build(database.settings, Ending(database, "int_wallet_editions"), lock=lock)
    assert database.value("select count(*) from int_wallet_editions") == 1
    assert database.value("select to_regclass('int_wallet_facts')") is None
    assert database.value("select to_regclass('editions_snapshot')") is None
    build(database.settings, JsonLines())
    assert database.value("select sum(moments_total) from wallet_summary_snapshot") == 1


def test_no_time_limit_of_the_server_ends_the_lock(database: Database) -> None:
    with database.connect() as connection:
        limits = ["idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"]
        if connection.info.server_version >= 170000:
            limits.append("transaction_timeout")
        for limit in limits:
            connection.execute(
                SQL("alter database {} set {} = '50ms'").format(Identifier(connection.info.dbname), SQL(limit))
            )
    waiting, done = Event(), Event()

    def second() -> None:
        with hold_run_lock(database.settings, "load", wait=True, notify=lambda _: waiting.set()):
            done.set()

    with hold_run_lock(database.settings, "run", wait=True, notify=print) as lock:
        thread = Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        thread.join(0.2)  # longer than all limits
        lock.check()
    assert done.wait(10)
    thread.join()


def test_a_load_waits_for_a_model_that_is_reading(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"))
    load("wallet_holdings")
    warehouse.hold(("0xa", "2", False, None))
    reader = database.connect()
    reader.execute("select pg_advisory_xact_lock_shared(hashtextextended('delta', 0))")
    thread = Thread(target=load, args=("wallet_holdings",))
    thread.start()
    waits = "select count(*) > 0 from pg_locks where locktype = 'advisory' and not granted"
    while not database.value(waits):
        assert thread.is_alive()
    assert database.value("select count(*) from raw.wallet_holdings") == 1
    reader.close()
    thread.join(30)
    assert database.value("select count(*) from raw.wallet_holdings") == 2
