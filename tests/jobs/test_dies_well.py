"""Workers that are killed in the middle of refreshes: every job is finished by another one, and all equals a rebuild.

`WORKER_KILLS=50` kills so often; the suite does it a few times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from time import monotonic, sleep
from typing import Any

import psutil
import psycopg
import pytest

from python_runner.jobs import queue
from python_runner.jobs.names import JobName
from tests.conftest import Database, Warehouse
from tests.delta.oracle import assert_equal
from tests.jobs.conftest import Jobs, wait_until

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("WORKER_KILLS", "3"))
REFRESHES = int(os.environ.get("WORKER_REFRESHES", "8"))
LIMIT_S = 600  # a busy machine

Record = Callable[[str, object], None]
# As `runner worker --json`, but a worker is given up for dead after five seconds.
WORKER = """
from python_runner.jobs import queue
queue.STALLED_S = 5
from python_runner.cli import app
app(["worker", "--json"])
"""


@dataclass
class Started:
    """A worker process, and the events that it has logged."""

    process: subprocess.Popen[str]
    events: Queue[dict[str, Any]] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            if line.startswith("{"):
                self.events.put({"worker": self} | json.loads(line))

    @property
    def work(self) -> psutil.Process:
        """The warm process, which may still have to start."""

        def found() -> psutil.Process | None:
            children = psutil.Process(self.process.pid).children()
            return next((child for child in children if "python_runner.jobs.warm" in child.cmdline()), None)

        child: psutil.Process = wait_until(found)
        return child


@dataclass
class Site:
    """A small collection that changes, and its workers."""

    jobs: Jobs
    warehouse: Warehouse
    folder: Path
    schedule: str = ""
    workers: list[Started] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
        schedule = {f"SCHEDULE_{name.name.upper()}": "" for name in JobName} | {"SCHEDULE_REFRESH": self.schedule}
        return kept | self.warehouse.environment | {"DATABASE_URL": self.jobs.database.login} | schedule

    def start(self) -> Started:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER], env=self.environment, cwd=self.folder, stderr=subprocess.PIPE, text=True
        )
        self.workers.append(Started(process))
        return self.workers[-1]

    def change(self, turn: int) -> None:
        self.warehouse.execute(
            f"update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0x{turn % 11}', last_event_ts = sysdate()"
            f" where nft_id::int % 7 = {turn % 7}",
            f"update EDITION_PRICE_SCRAPE set lowest_ask = {turn + 5}",
        )

    def refresh(self) -> int:
        return queue.enqueue(self.jobs.database.settings, JobName.refresh)[0]

    def event(self, kind: str, job_id: int) -> dict[str, Any]:
        """Wait for an event of the job, from any worker."""

        def found() -> dict[str, Any] | None:
            for worker in self.workers:
                try:
                    while event := worker.events.get_nowait():
                        assert event["event"] != "job_failed", event
                        if (event["event"], event.get("job")) == (kind, job_id):
                            return event
                except Empty:
                    pass
            return None

        event: dict[str, Any] = wait_until(found, LIMIT_S)
        return event

    def check(self) -> None:
        wait_until(lambda: not self.jobs.names("queued") + self.jobs.names("running"), LIMIT_S)
        assert {row["state"] for row in self.jobs.listed("ended")} == {"succeeded"}
        with psycopg.connect(self.jobs.database.url) as connection:
            assert_equal(connection)


@pytest.fixture
def site(database: Database, warehouse: Warehouse, tmp_path: Path) -> Iterator[Site]:
    warehouse.hold(*((f"0x{moment % 9}", moment, False, "2026-01-01 00:00:00") for moment in range(500)))
    warehouse.execute(
        "insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id, tier, serial_number, team_name)"
        " select nft_id, 'ED' || (nft_id::int % 20), 'RARE', nft_id, 'Lions' from ALLDAY_WALLET_HOLDINGS_CURRENT",
        "insert into EDITION_PRICE_SCRAPE values ('ED1', 1, 2, 3)",
        "insert into WALLET_PROFILES values ('0x1', 'Ada')",
    )
    site = Site(Jobs(database), warehouse, tmp_path)
    try:
        yield site
    finally:
        for worker in site.workers:
            worker.process.kill()
            worker.process.wait()


def test_a_killed_worker_is_replaced(site: Site, record_property: Record) -> None:
    """One kill a round, at any point of the job; the second worker, which is warm, finishes it."""
    rnd = random.Random(os.environ.get("CRASH_SEED"))
    first = site.refresh()
    site.start(), site.start()
    site.event("job_succeeded", first)
    lasts = 2.0
    for kill in range(KILLS):
        site.change(kill)
        job_id, begin = site.refresh(), monotonic()
        victim = site.event("job_started", job_id)["worker"]
        work, after = victim.work, rnd.uniform(0, lasts)
        sleep(after)
        was_running = job_id in [row["id"] for row in site.jobs.listed("running")]
        victim.process.kill()
        victim.process.wait()
        site.workers.remove(victim)
        site.start()
        psutil.wait_procs([work], LIMIT_S)
        if was_running:
            lasts = max(2.0, min(20.0, site.event("job_succeeded", job_id)["seconds"]))
        site.check()
        record_property(f"kill {kill + 1}", (round(after, 1), was_running, round(monotonic() - begin, 1)))


def test_sigterm_puts_a_refresh_back_and_the_next_worker_finishes_it(site: Site) -> None:
    job_id = site.refresh()
    worker = site.start()
    site.event("planned", job_id)
    begin = monotonic()
    worker.process.terminate()
    assert worker.process.wait() == 0
    assert monotonic() - begin < 10
    assert site.jobs.names("running") == []
    if site.jobs.names("queued"):
        site.start()
        site.event("job_succeeded", job_id)
    site.check()


def test_a_stopped_worker_loses_its_job_and_goes_on(site: Site) -> None:
    """SIGSTOP, as on a machine that was suspended: its warm process still works, so the next one waits for it."""
    frozen = site.start()
    job_id = site.refresh()
    site.event("planned", job_id)
    frozen.process.send_signal(signal.SIGSTOP)
    work = frozen.work
    work.suspend()
    site.start()
    waits = site.event("message", job_id)["text"]
    assert f"waiting for `runner worker: refresh (job {job_id})`" in waits
    work.resume()
    site.event("job_succeeded", job_id)
    frozen.process.send_signal(signal.SIGCONT)
    for turn in range(2):
        site.change(turn)
        site.event("job_succeeded", site.refresh())
    site.check()
    assert site.jobs.events("succeeded") == 3


def test_two_workers_run_a_tick_once(site: Site) -> None:
    site.schedule = "* * * * *"
    site.start(), site.start()
    ticks = "select count(*) from jobs.procrastinate_jobs where args ? 'timestamp'"
    is_made = "select to_regclass('jobs.migrations') is not null"
    wait_until(lambda: site.jobs.database.value(is_made) and site.jobs.database.value(ticks) == 2, LIMIT_S)
    repeated = "select count(*) from jobs.procrastinate_jobs group by args ->> 'timestamp' having count(*) > 1"
    assert site.jobs.database.rows(repeated) == []


def test_memory_stays(site: Site, record_property: Record) -> None:
    worker = site.start()
    sizes = []
    for turn in range(REFRESHES):
        site.change(turn)
        site.event("job_succeeded", site.refresh())
        sizes.append(worker.work.memory_info().rss // 2**20)
    record_property("MiB", sizes)
    site.check()
    assert sizes[-1] < 1.1 * sizes[REFRESHES // 4]
