"""The worker, with scripted work: outcomes, retries, ticks, cancelling, signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest
from procrastinate.jobs import Job, Status

from python_runner.errors import RunnerError, UsageError
from python_runner.jobs import queue
from python_runner.jobs.names import JobName
from python_runner.jobs.queue import Queue
from python_runner.jobs.worker import check_schedule
from python_runner.settings import ScheduleSettings
from tests.conftest import Database
from tests.jobs.conftest import Jobs, take, using, wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("scripted")]

REFRESH, RECONCILE = JobName.refresh, JobName.reconcile
HOURLY = "0 * * * *"
PAUSES = """
select extract(epoch from scheduled_at - (select max(at) from errors where job_id = id))::integer
from procrastinate_jobs
where status = 'todo'
"""
TICKS_ARE_OLD = "update jobs.procrastinate_periodic_defers set defer_timestamp = defer_timestamp - 36000"


def test_a_job_fails_at_once_or_is_tried_again_later(database: Database, jobs: Jobs) -> None:
    for answer in ("away", "wrong", "die"):
        queue.enqueue(database.settings, REFRESH, source=answer)
    queue.enqueue(database.settings, RECONCILE)
    with pytest.raises(RunnerError, match="3 jobs failed: see `runner jobs`"):
        jobs.work()
    assert [(row["job"], row["state"], row["error"]) for row in jobs.listed("ended")] == [
        ("reconcile", "succeeded", None),
        ("refresh", "failed", "it is wrong"),
    ]
    away, died = jobs.listed("queued")
    assert (away["source"], away["error"], away["attempts"]) == ("away", "it is away", 1)
    assert (died["source"], died["error"]) == ("die", "the process of the job ended with exit code 1")


def test_the_pauses_grow_and_end(database: Database, jobs: Jobs) -> None:
    queue.enqueue(database.settings, REFRESH, source="away")
    pauses = []
    while not jobs.listed("ended"):
        with pytest.raises(RunnerError, match="1 job failed"):
            jobs.work()
        with psycopg.connect(database.url, options="-c search_path=jobs") as connection:
            pauses += [pause for (pause,) in connection.execute(PAUSES).fetchall()]
            connection.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    assert pauses == [15, 30, 60, 120, 240, 480, 900]
    (ended,) = jobs.listed("ended")
    queue.retry(database.settings, ended["id"])
    assert [row["id"] for row in jobs.listed("queued")] == [ended["id"]]


def test_a_missed_tick_is_made_up_once_and_a_new_schedule_has_missed_none(database: Database, jobs: Jobs) -> None:
    jobs.work(refresh=HOURLY)
    assert jobs.names("ended") == []
    database.execute(TICKS_ARE_OLD)
    jobs.work(refresh=HOURLY)
    assert jobs.names("ended") == ["refresh"]
    jobs.work(refresh=HOURLY)
    jobs.work(refresh="30 * * * *")
    assert jobs.names("ended") == ["refresh"]


def test_a_tick_that_meets_an_equal_job_is_done_by_it(database: Database, jobs: Jobs) -> None:
    jobs.work(refresh=HOURLY)
    database.execute(TICKS_ARE_OLD)
    queue.enqueue(database.settings, REFRESH)
    jobs.work(refresh=HOURLY)
    jobs.work(refresh=HOURLY)
    assert jobs.names("ended") == ["refresh"]


def test_a_running_job_is_cancelled(database: Database, jobs: Jobs) -> None:
    job_id, _ = queue.enqueue(database.settings, REFRESH, source="hang")

    def cancel() -> None:
        wait_until(lambda: jobs.listed("running"))
        queue.cancel(database.settings, job_id)

    jobs.work(during=cancel)
    assert [row["state"] for row in jobs.listed("ended")] == ["aborted"]


def test_sigterm_ends_the_running_job_and_queues_it_again(
    database: Database, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("python_runner.jobs.worker.GRACE_S", 0.1)
    queue.enqueue(database.settings, REFRESH, source="hang")

    def end() -> None:
        wait_until(lambda: jobs.listed("running"))
        os.kill(os.getpid(), signal.SIGTERM)

    jobs.work(once=False, during=end)
    (queued,) = jobs.listed("queued")
    assert (queued["source"], queued["error"]) == ("hang", None)
    assert database.value("select count(*) from jobs.procrastinate_workers") == 0


def test_a_worker_that_was_given_up_leaves_the_job_to_the_next_and_goes_on(
    database: Database, jobs: Jobs, tmp_path: Path
) -> None:
    """As one that was stopped for longer than its report may be late."""
    done = tmp_path / "done"
    job_id, _ = queue.enqueue(database.settings, REFRESH, source=str(done))

    async def take_over(next_one: Queue) -> Job:
        await next_one.put_back_stalled()
        job = await take(next_one)
        assert job
        return job

    def give_up() -> None:
        wait_until(lambda: jobs.listed("running"))
        database.execute("delete from jobs.procrastinate_workers")
        job = using(database, take_over)
        done.touch()
        wait_until(lambda: f"another worker has taken job {job_id} meanwhile" in jobs.log.messages)
        assert [row["id"] for row in jobs.listed("running")] == [job_id]
        using(database, lambda next_one: next_one.finish_job(job, Status.SUCCEEDED, delete_job=False))
        queue.enqueue(database.settings, RECONCILE)
        wait_until(lambda: jobs.names("ended") == ["reconcile", "refresh"])
        os.kill(os.getpid(), signal.SIGTERM)

    jobs.work(once=False, during=give_up)
    assert jobs.events("succeeded") == 2
    assert any("another worker has removed this one" in text for text in jobs.log.messages)


@pytest.mark.parametrize("expression", ["every hour", "* * * *", "0 25 * * *", "0 0 * * * *"])
def test_a_schedule_that_cannot_be_read_is_named(expression: str) -> None:
    with pytest.raises(UsageError, match="SCHEDULE_FULL_REFRESH is no cron expression"):
        check_schedule(ScheduleSettings(_env_file=None, full_refresh=expression))  # type: ignore[call-arg]


def test_an_empty_schedule_is_off() -> None:
    assert JobName.maintain not in check_schedule(ScheduleSettings(_env_file=None, maintain=""))  # type: ignore[call-arg]
