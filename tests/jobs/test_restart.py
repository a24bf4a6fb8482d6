"""Postgres restarts under a worker: it connects again and goes on, and the job whose outcome was lost runs again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from python_runner.demo import embedded
from python_runner.jobs import queue
from python_runner.jobs.names import JobName
from tests.conftest import Database
from tests.jobs.conftest import Jobs, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("scripted")]


@pytest.mark.parametrize("is_long", [False, True])
def test_postgres_restarts(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_long: bool
) -> None:
    monkeypatch.setattr(queue, "POOL_TIMEOUT_S", 0.5 if is_long else 60)
    folder, ended = tmp_path_factory.mktemp("postgres"), tmp_path / "ended"
    with embedded.running(folder) as server:
        database = Database(server.url, role="")
        jobs = Jobs(database)
        queue.enqueue(database.settings, JobName.refresh, source=str(ended))

        def restart() -> None:
            wait_until(lambda: jobs.listed("running"))
            embedded.stop(folder)
            ended.touch()  # the job ends while nobody can be told
            if is_long:
                wait_until(lambda: any("connecting again" in text for text in jobs.log.messages))
            embedded.start(folder)
            wait_until(lambda: jobs.names("ended"))
            queue.enqueue(database.settings, JobName.maintain)
            wait_until(lambda: len(jobs.names("ended")) == 2)
            os.kill(os.getpid(), signal.SIGTERM)

        jobs.work(once=False, during=restart)
        assert [(row["job"], row["state"]) for row in jobs.listed("ended")] == [
            ("maintain", "succeeded"),
            ("refresh", "succeeded"),
        ]
        assert jobs.events("started") == (3 if is_long else 2)
