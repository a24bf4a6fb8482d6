"""The warm process: kept from job to job, and replaced when it would work with what is no longer so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from python_runner.errors import RunnerError, TransientError
from python_runner.jobs import process, queue
from python_runner.jobs.names import JobName, JobRequest
from python_runner.jobs.process import WarmProcess
from tests.jobs.conftest import Jobs
from tests.runner.test_pools import pooled  # noqa: F401

pytestmark = pytest.mark.usefixtures("scripted")

JOB = JobRequest(1, "refresh")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(process, "PROJECT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a_model.sql").write_text("select 1")
    return tmp_path


@pytest.mark.parametrize("changed", ["models/a_model.sql", "models/new.sql", "dbt_project.yml"])
def test_it_is_kept_until_a_file_changes(project: Path, changed: str) -> None:
    async def pids() -> list[int]:
        warm, seen = WarmProcess(as_json=False), []
        for turn in range(4):
            if turn == 2:
                (project / changed).write_text("changed")
            await warm.run(JOB)
            seen.append((await warm.start()).pid)
        await warm.kill()
        return seen

    one, two, three, four = asyncio.run(pids())
    assert one == two != three == four


def test_it_is_replaced_after_so_many_jobs_and_after_one_that_failed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project
    monkeypatch.setattr(process, "JOBS_PER_PROCESS", 2)

    async def pids() -> list[int]:
        warm, seen = WarmProcess(as_json=False), []
        for source, error in ((None, None), (None, None), ("wrong", RunnerError), ("die", TransientError)):
            seen.append((await warm.start()).pid)
            if error:
                with pytest.raises(error):
                    await warm.run(JobRequest(1, "refresh", source))
            else:
                await warm.run(JobRequest(1, "refresh", source))
        await warm.kill()
        return seen

    one, two, three, four = asyncio.run(pids())
    assert one == two
    assert len({two, three, four}) == 3


@pytest.mark.database
def test_the_queue_works_behind_a_pooler(request: pytest.FixtureRequest) -> None:
    jobs = Jobs(request.getfixturevalue("pooled"))
    queue.enqueue(jobs.database.settings, JobName.refresh)
    jobs.work()
    assert [row["state"] for row in jobs.listed("ended")] == ["succeeded"]
