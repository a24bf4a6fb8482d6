"""A queue in a database of the test's own, and workers whose work is a script."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from procrastinate.jobs import Job
from psycopg.rows import dict_row

from python_runner.jobs import process, queue
from python_runner.jobs.log import JobLog
from python_runner.jobs.names import JobName
from python_runner.jobs.queue import Queue, open_queue
from python_runner.jobs.worker import Worker
from python_runner.postgres.job_list import read_jobs
from tests.conftest import Database

INTERVAL_S = 0.02
LIMIT_S = 60

# Answers as the warm process does: by the source of the job.
SCRIPT = """
import json, os, sys, time
for line in sys.stdin:
    answer = json.loads(line)["source"]
    while answer and answer.startswith("/") and not os.path.exists(answer):
        time.sleep(0.02)
    if answer == "die":
        os._exit(1)
    if answer != "hang":
        failed = {"error": f"it is {answer}", "transient": answer == "away"}
        print(json.dumps(failed if answer in ("away", "wrong") else {}), flush=True)
"""


def wait_until(is_so: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """The first true value; the test fails without one."""
    until = monotonic() + limit_s
    while not (found := is_so()):
        assert monotonic() < until, f"not so after {limit_s} s"
        sleep(INTERVAL_S)
    return found


class KeptLog(JobLog):
    """A log whose messages a test can read."""

    def __init__(self) -> None:
        super().__init__(as_json=False)
        self.messages: list[str] = []

    def emit(self, event: str, **fields: Any) -> None:
        super().emit(event, **fields)
        if event == "message":
            self.messages.append(fields["text"])


def using(database: Database, work: Callable[[Queue], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        async with open_queue(database.settings) as (_, opened):
            return await work(opened)

    return asyncio.run(opened())


async def take(taken: Queue) -> Job | None:
    """What a worker does that then dies: its heart beats until the test says otherwise."""
    return await taken.fetch_job([queue.QUEUE], await taken.register_worker())


@dataclass
class Jobs:
    """The jobs of a database as `runner jobs` shows them, and workers for them."""

    database: Database
    log: KeptLog = field(default_factory=KeptLog)

    def listed(self, state: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.database.url) as connection:
            return read_jobs(connection)[state]

    def names(self, state: str) -> list[str]:
        return [row["job"] for row in self.listed(state)]

    def work(self, *, once: bool = True, during: Callable[[], Any] | None = None, **schedule: str) -> None:
        """Run a worker in this thread, and `during` in another one."""
        worker = Worker(
            self.database.settings,
            {JobName[name]: cron for name, cron in schedule.items()},
            self.log,
            once=once,
        )
        failures: list[BaseException] = []

        def beside() -> None:
            try:
                during and during()
            except BaseException as failure:  # noqa: BLE001
                failures.append(failure)
                os.kill(os.getpid(), signal.SIGTERM)

        thread = Thread(target=beside)
        thread.start()
        worker.run()
        thread.join()
        if failures:
            raise failures[0]

    def events(self, kind: str) -> int:
        query = "select count(*) as n from jobs.procrastinate_events where type = %s"
        with psycopg.connect(self.database.url, row_factory=dict_row) as connection:
            row = connection.execute(query, (kind,)).fetchone()
        assert row
        return int(row["n"])


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of a job is the script's."""
    monkeypatch.setattr(process, "WORK", ("-c", SCRIPT))
