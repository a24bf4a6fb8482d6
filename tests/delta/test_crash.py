"""kill -9 in the middle of a load or a build, whenever: one ordinary run later every table equals a rebuild.

`CRASH_KILLS=100` kills so often; the suite does it a few times.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import perf_counter, sleep

import psycopg
import pytest

from tests.conftest import Database, Warehouse
from tests.delta.conftest import Workshop
from tests.delta.crowd import open_crowd, trade_crowd
from tests.delta.oracle import assert_equal
from tests.delta.project import Project

pytestmark = [pytest.mark.database, pytest.mark.slow]

KILLS = int(os.environ.get("CRASH_KILLS", "4"))
MOMENTS = 20_000
RUNNER = Path(sys.executable).parent / "runner"

Record = Callable[[str, object], None]


def trade_and_build(project: Project, seed: int) -> None:
    """What the process that is killed does, until then: loads, builds, and now and then a full refresh."""
    with psycopg.connect(project.url, autocommit=True) as connection:
        for turn in count():
            trade_crowd(connection, seed + turn)
            project.run(full_refresh=(seed + turn) % 3 == 0)


def test_a_killed_process_is_continued(workshop: Workshop, record_property: Record) -> None:
    project, rnd = workshop.renew(), random.Random(os.environ.get("CRASH_SEED"))
    fork = multiprocessing.get_context("fork")  # dbt is imported and the project parsed already
    with psycopg.connect(project.url, autocommit=True) as connection:
        open_crowd(connection, MOMENTS)
        assert project.run().ok
        begin = perf_counter()
        trade_crowd(connection, 0)
        assert project.run().ok
        turn = perf_counter() - begin
        for kill in range(KILLS):
            victim = fork.Process(target=trade_and_build, args=(project, 10 * kill + 1))
            victim.start()
            sleep(rnd.uniform(0, 2 * turn))
            victim.kill()
            victim.join()
            assert victim.exitcode == -signal.SIGKILL
            run = project.run()
            assert run.ok, run.errors
            assert_equal(connection)
        record_property("kills", KILLS)
        record_property("seconds", round(perf_counter() - begin, 1))


@pytest.mark.skipif(KILLS < 10, reason="takes a minute: set CRASH_KILLS=100")
def test_the_killed_runner_is_continued(workshop: Workshop, warehouse: Warehouse, record_property: Record) -> None:
    """The command itself, reading from the stand-in; its locks die with it."""
    database = Database(workshop.renew().url)
    environment = os.environ | warehouse.environment | {"DATABASE_URL": database.login}
    kept = {name: value for name, value in environment.items() if not name.startswith("DBT_")}
    warehouse.hold(*((f"0x{moment % 9}", moment, False, "2026-01-01 00:00:00") for moment in range(500)))
    warehouse.execute(
        "insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id, tier, serial_number, team_name)"
        " select nft_id, 'ED' || (nft_id::int % 20), 'RARE', nft_id, 'Lions' from ALLDAY_WALLET_HOLDINGS_CURRENT",
        "insert into EDITION_PRICE_SCRAPE values ('ED1', 1, 2, 3)",
        "insert into WALLET_PROFILES values ('0x1', 'Ada')",
    )

    def start() -> subprocess.Popen[bytes]:
        folder = workshop.project.folder
        return subprocess.Popen([RUNNER, "run", "--json"], env=kept, cwd=folder, stdout=subprocess.DEVNULL)

    begin = perf_counter()
    assert start().wait() == 0
    lasts = perf_counter() - begin
    for kill in range(max(1, KILLS // 10)):
        warehouse.execute(
            f"update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0x{kill}', last_event_ts = sysdate()"
            f" where nft_id::int % 7 = {kill % 7}",
            f"update EDITION_PRICE_SCRAPE set lowest_ask = {kill + 5}",
        )
        with start() as victim:
            sleep(random.uniform(0.3, 1) * lasts)
            victim.kill()
        assert start().wait() == 0
        with database.connect() as connection:
            assert_equal(connection)
    record_property("kills of the runner", max(1, KILLS // 10))
