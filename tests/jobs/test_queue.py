"""The queue: made on first use, one job at a time, equal jobs are one, none is lost, ticks run once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from procrastinate.schema import migrations_path

from python_runner.errors import RunnerError, TransientError, postgres_error
from python_runner.jobs import queue, schema
from python_runner.jobs.names import JobName
from python_runner.jobs.queue import Queue
from tests.conftest import Database
from tests.jobs.conftest import Jobs, take, using

pytestmark = pytest.mark.database

REFRESH, MAINTAIN = JobName.refresh, JobName.maintain
LATER = datetime.now(UTC) + timedelta(days=1)
OBJECTS = """
select count(*) from pg_class where relnamespace = 'public'::regnamespace
union all select count(*) from pg_proc where pronamespace = 'public'::regnamespace
union all select count(*) from pg_type where typnamespace = 'public'::regnamespace
"""


def test_the_schema_is_made_by_whoever_comes_first(database: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: queue.enqueue(database.settings, REFRESH), range(8)))
    assert sorted(new for _, new in results) == [False] * 7 + [True]
    assert len({job_id for job_id, _ in results}) == 1
    assert {count for row in database.rows(OBJECTS) for count in row.values()} == {0}


def test_an_older_schema_is_upgraded(database: Database) -> None:
    files = sorted(migrations_path.glob("*.sql"))
    *older, last, very_last = files
    with psycopg.connect(database.login, autocommit=True, options="-c search_path=jobs") as connection:
        for file in older:
            connection.execute(file.read_bytes())
        connection.execute(schema.OWN_TABLES)
        connection.cursor().executemany("insert into migrations (name) values (%s)", [(f.name,) for f in older])
    assert database.value("select to_regprocedure('jobs.procrastinate_fetch_job_v2(varchar[], bigint)') is not null")
    assert database.value("select count(*) from pg_proc where proname = 'procrastinate_retry_job_v2'") == 0
    assert queue.enqueue(database.settings, REFRESH)[1]
    assert database.value("select count(*) from pg_proc where proname = 'procrastinate_retry_job_v2'") == 1
    assert database.value("select count(*) from jobs.migrations where name in (%s, %s)", last.name, very_last.name) == 2


def test_equal_jobs_that_wait_are_one(database: Database, jobs: Jobs) -> None:
    first, new = queue.enqueue(database.settings, REFRESH)
    assert new
    assert queue.enqueue(database.settings, REFRESH) == (first, False)
    assert queue.enqueue(database.settings, REFRESH, source="wallet_holdings")[1]
    assert queue.enqueue(database.settings, REFRESH, at=LATER)[1]
    assert not queue.enqueue(database.settings, REFRESH, at=LATER)[1]
    assert using(database, take).id == first
    assert queue.enqueue(database.settings, REFRESH)[1]  # the first no longer waits
    assert len(jobs.listed("queued")) == 3


def test_one_job_runs_at_a_time_and_none_waits_for_one_that_is_not_due(database: Database, jobs: Jobs) -> None:
    for days in (2, 1):
        queue.enqueue(database.settings, REFRESH, at=LATER + timedelta(days=days))
    due, _ = queue.enqueue(database.settings, MAINTAIN)
    queue.enqueue(database.settings, REFRESH)
    assert using(database, take).id == due
    assert using(database, take) is None
    assert jobs.names("running") == ["maintain"]


def test_a_job_is_put_back_once_when_its_worker_is_dead_and_not_before(database: Database, jobs: Jobs) -> None:
    job_id, _ = queue.enqueue(database.settings, REFRESH)

    async def work(one: Queue) -> list[dict[int, str]]:
        await take(one)
        alive = await one.put_back_stalled()
        await one.connector.execute_query_async(
            "update procrastinate_workers set last_heartbeat = now() - interval '1 h'"
        )
        return [alive, *await asyncio.gather(*(one.put_back_stalled() for _ in range(4)))]

    alive, *found = using(database, work)
    assert alive == {}
    assert sorted(found, key=len) == [{}, {}, {}, {job_id: queue.DIED}]
    assert jobs.names("queued") == ["refresh"]
    assert jobs.events("deferred_for_retry") == 1


def test_a_job_whose_workers_die_again_and_again_has_failed(database: Database, jobs: Jobs) -> None:
    job_id, _ = queue.enqueue(database.settings, REFRESH)

    async def die(one: Queue) -> None:
        taken = await take(one)
        assert taken
        await one.unregister_worker(taken.worker_id)  # type: ignore[arg-type]
        await one.put_back_stalled()

    for _ in range(queue.DEATHS):
        assert [(row["id"], row["error"]) for row in jobs.listed("queued")] in (
            [(job_id, None)],
            [(job_id, queue.DIED)],
        )
        using(database, die)
    (failed,) = jobs.listed("ended")
    assert (failed["state"], failed["error"]) == ("failed", queue.DIED_AGAIN)
    queue.retry(database.settings, job_id)
    using(database, die)
    assert [row["error"] for row in jobs.listed("queued")] == [queue.DIED]


def test_a_job_that_comes_back_ends_where_an_equal_one_waits(database: Database, jobs: Jobs) -> None:
    queue.enqueue(database.settings, REFRESH)

    async def take_and_retry(one: Queue) -> None:
        job = await take(one)
        assert job
        await asyncio.to_thread(queue.enqueue, database.settings, REFRESH)
        await one.retry_job(job)

    using(database, take_and_retry)
    assert jobs.names("queued") == ["refresh"]
    (ended,) = jobs.listed("ended")
    assert (ended["state"], ended["error"]) == ("aborted", queue.EQUAL_WAITS)

    async def take_and_die(one: Queue) -> None:
        await one.unregister_worker((await take(one)).worker_id)  # type: ignore[union-attr,arg-type]
        await asyncio.to_thread(queue.enqueue, database.settings, REFRESH)
        await one.put_back_stalled()

    using(database, take_and_die)
    assert jobs.names("queued") == ["refresh"]
    assert [row["state"] for row in jobs.listed("ended")] == ["aborted", "aborted"]


def test_retry_and_cancel_say_what_they_cannot_do(database: Database, jobs: Jobs) -> None:
    job_id, _ = queue.enqueue(database.settings, REFRESH)
    with pytest.raises(RunnerError, match="has not failed, it is todo"):
        queue.retry(database.settings, job_id)
    queue.cancel(database.settings, job_id)
    assert [row["state"] for row in jobs.listed("ended")] == ["cancelled"]
    for call in (queue.retry, queue.cancel):
        with pytest.raises(RunnerError, match=r"has (ended: nothing to cancel|not failed)"):
            call(database.settings, job_id)
        with pytest.raises(RunnerError, match="there is no job 99"):
            call(database.settings, 99)


@pytest.mark.parametrize(
    ("message", "transient"),
    [
        ("connection failed: connection to server at 127.0.0.1, port 1 failed: Connection refused", True),
        ("connection failed: FATAL:  the database system is starting up", True),
        ("connection failed: FATAL:  password authentication failed for user", False),
        ('connection failed: FATAL:  database "nowhere" does not exist', False),
        ("Database Error in model x: canceling statement due to lock timeout", True),
        ("server closed the connection unexpectedly", True),
        ('column "lowest" does not exist', False),
    ],
)
def test_what_can_pass_is_told_from_what_cannot(message: str, transient: bool) -> None:
    assert isinstance(postgres_error(message), TransientError) is transient
