"""The queue: procrastinate in the schema `jobs`. One job runs at a time, and equal jobs that wait are one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import ceil, inf
from typing import Any, TypeVar

import psycopg
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import Job, Status
from procrastinate.manager import QUEUEING_LOCK_CONSTRAINT, JobManager
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from python_runner.errors import RunnerError, TransientError
from python_runner.jobs import schema
from python_runner.jobs.names import JobName
from python_runner.postgres.pool import driver_error
from python_runner.settings import PostgresSettings

Result = TypeVar("Result")

QUEUE = "runner"
LOCK = "runner"  # one for all jobs: only one runs
STALLED_S = 15
DEATHS = 5  # of its workers, after which a job has failed
KEPT_HOURS = 7 * 24
POOL_TIMEOUT_S = 5
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LOWEST = -(2**31) + 1  # 68 years later
EQUAL_WAITS = "an equal job waits, which does the same"
DIED = "its worker has died or does not report"
DIED_AGAIN = f"{DIED}, {DEATHS} times: see its log and its memory limit, then run `runner jobs retry`"

# A job is stalled if its worker is gone or has stopped to report. The condition is checked again on a row that another
# worker has changed meanwhile, so that only one of them puts the job back.
PUT_BACK = """
with
stalled as (
    select job.id, job.queueing_lock
    from procrastinate_jobs as job
    where
        job.status = 'doing'
        and not exists (
            select from procrastinate_workers as worker
            where worker.id = job.worker_id and worker.last_heartbeat > now() - make_interval(secs => %(stalled_s)s)
        )
    for update of job skip locked
),
judged as (
    select
        stalled.id,
        case
            when exists (
                select from procrastinate_jobs as equal
                where equal.queueing_lock = stalled.queueing_lock and equal.status = 'todo'
            )
            then %(equal_waits)s
            when %(deaths)s <= 1 + (
                select count(*) from errors where job_id = stalled.id and starts_with(error, %(died)s)
            )
            then %(died_again)s
            else %(died)s
        end as error
    from stalled
),
recorded as (
    insert into errors (job_id, error) select id, error from judged
)
select
    id,
    error,
    case error
        when %(equal_waits)s then procrastinate_finish_job_v1(id, 'aborted', false)
        when %(died_again)s then procrastinate_finish_job_v1(id, 'failed', false)
        else procrastinate_retry_job_v2(id, now(), null, null, null)
    end
from judged
"""
# While a worker did not report, another one can have taken its job.
HELD = """
with
held as (
    select id from procrastinate_jobs
    where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
    for update
)
"""
FINISH = f"{HELD} select procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) from held"
RETRY = f"{HELD} select procrastinate_retry_job_v2(id, %(retry_at)s, %(priority)s, %(queue)s, %(lock)s) from held"
ADD_ERROR = """
insert into errors (job_id, error) values (%(job_id)s, %(error)s)
returning (select count(*) from errors where job_id = %(job_id)s) as earlier
"""
# A schedule that is new has missed nothing.
BEGIN_SCHEDULE = """
with
others as (
    delete from procrastinate_periodic_defers where task_name = %(task)s and periodic_id <> %(periodic_id)s
)
insert into procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
select %(task)s, %(periodic_id)s, %(timestamp)s
where not exists (
    select from procrastinate_periodic_defers where task_name = %(task)s and periodic_id = %(periodic_id)s
)
on conflict do nothing
"""
# The tick is done by an equal job that waits.
END_TICK = """
insert into procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
values (%(task)s, %(periodic_id)s, %(timestamp)s)
on conflict do nothing
"""


def priority(due: datetime) -> int:
    """The earlier a job is due, the higher. A waiting job keeps the lock from all of lower priority, due or not."""
    return max(-ceil((due - EPOCH).total_seconds()), LOWEST)


class QueuePool(AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]):
    """Lends out transactions in the schema `jobs`."""

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
        """A connection for one transaction."""
        async with super().connection(timeout) as connection:
            await connection.execute(schema.USE_SCHEMA)
            yield connection


class Queue(JobManager):
    """The manager of jobs, with what the worker adds to it."""

    def __init__(self, connector: PsycopgConnector) -> None:
        super().__init__(connector)
        self.on_lost: Callable[[], object] = lambda: None  # called when an outcome cannot be stored
        self.on_taken: Callable[[int], object] = lambda _: None  # called with a job that another worker has taken

    async def rows(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        """The rows of a query in the schema `jobs`."""
        return await self.connector.execute_query_all_async(query, **arguments)

    async def add_error(self, job_id: int, error: str) -> int:
        """Store the one-line error of a job. Returns how many it had before."""
        (row,) = await self.rows(ADD_ERROR, job_id=job_id, error=error)
        return int(row["earlier"])

    async def put_back_stalled(self) -> dict[int, str]:
        """Queue the jobs again whose worker has died, or end those that it has died of. Returns why, by id."""
        texts = {"equal_waits": EQUAL_WAITS, "died": DIED, "died_again": DIED_AGAIN}
        rows = await self.rows(PUT_BACK, stalled_s=STALLED_S, deaths=DEATHS, **texts)
        return {row["id"]: row["error"] for row in rows}

    async def begin_schedule(self, task: str, periodic_id: str, timestamp: int) -> None:
        """If this schedule is new, its last tick counts as done."""
        await self.connector.execute_query_async(
            BEGIN_SCHEDULE, task=task, periodic_id=periodic_id, timestamp=timestamp
        )

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        """Enqueue the job of a tick, with the priority of its time."""
        due = datetime.fromtimestamp(defer_timestamp, UTC)
        try:
            return await super().defer_periodic_job(job.evolve(priority=priority(due)), periodic_id, defer_timestamp)
        except exceptions.AlreadyEnqueued:
            await self.connector.execute_query_async(
                END_TICK, task=job.task_name, periodic_id=periodic_id, timestamp=defer_timestamp
            )
            raise

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Queue the job again. If an equal one waits already, the job ends instead."""
        try:
            await self._end(job, RETRY, retry_at=retry_at, priority=priority, queue=queue, lock=lock)
        except exceptions.UniqueViolation as violation:
            if violation.constraint_name != QUEUEING_LOCK_CONSTRAINT:
                raise
            await self.add_error(job.id or 0, EQUAL_WAITS)
            await self.finish_job(job, Status.ABORTED, delete_job=False)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Store how the job has ended."""
        await self._end(job, FINISH, status=status.value, delete_job=delete_job)

    async def _end(self, job: Job, query: str, **arguments: Any) -> None:
        try:
            ended = await self.rows(query, job_id=job.id, worker_id=job.worker_id, **arguments)
        except exceptions.UniqueViolation:
            raise
        except exceptions.ConnectorException:
            self.on_lost()
            raise
        if not ended:
            self.on_taken(job.id or 0)


@asynccontextmanager
async def open_queue(settings: PostgresSettings) -> AsyncIterator[tuple[App, Queue]]:
    """The queue, made on first use. RunnerError if it cannot be used."""
    await asyncio.to_thread(schema.ensure, settings)
    session = {"application_name": "runner jobs", "prepare_threshold": None}
    async with QueuePool(
        settings.conninfo,
        kwargs=session,
        min_size=1,
        max_size=4,
        timeout=POOL_TIMEOUT_S,
        check=AsyncConnectionPool.check_connection,
        open=False,
    ) as pool:
        connector = PsycopgConnector()
        # A tick that was missed is made up whenever a worker starts.
        app = App(connector=connector, periodic_defaults={"max_delay": inf})
        app.job_manager = queue = Queue(connector)
        async with app.open_async(pool):
            yield app, queue


def enqueue(
    settings: PostgresSettings, name: JobName, *, source: str | None = None, at: datetime | None = None
) -> tuple[int, bool]:
    """The id of the new job, and true; or the id of an equal job that waits, and false."""
    due = at or datetime.now(UTC)
    equal = " ".join([name, *([source] if source else []), *([f"at {at.astimezone(UTC).isoformat()}"] if at else [])])

    async def defer() -> tuple[int, bool]:
        async with open_queue(settings) as (app, queue):
            task = app.configure_task(
                name, queue=QUEUE, lock=LOCK, queueing_lock=equal, priority=priority(due), schedule_at=at
            )
            while True:
                try:
                    return await task.defer_async(**({"source": source} if source else {})), True
                except exceptions.AlreadyEnqueued:
                    for waiting in await queue.list_jobs_async(queueing_lock=equal, status="todo"):
                        return waiting.id or 0, False

    return _run(defer())


def retry(settings: PostgresSettings, job_id: int) -> None:
    """Queue a failed job again. RunnerError if it has not failed."""

    async def work() -> None:
        async with open_queue(settings) as (_, queue):
            job = await _job(queue, job_id)
            if job.status != "failed":
                raise RunnerError(
                    f"job {job_id} ({job.task_name}) has not failed, it is {job.status}: nothing to retry"
                )
            now = datetime.now(UTC)
            try:
                await queue.retry_job_by_id_async(job_id, now, priority(now))
            except exceptions.UniqueViolation as error:
                raise RunnerError(f"job {job_id} ({job.task_name}): {EQUAL_WAITS}") from error
            # It has all its attempts again.
            await queue.connector.execute_query_async("delete from errors where job_id = %(job_id)s", job_id=job_id)

    _run(work())


def cancel(settings: PostgresSettings, job_id: int) -> None:
    """Cancel a job that waits, or have the worker end it. RunnerError if it has ended."""

    async def work() -> None:
        async with open_queue(settings) as (_, queue):
            job = await _job(queue, job_id)
            if not await queue.cancel_job_by_id_async(job_id, abort=True):
                raise RunnerError(f"job {job_id} ({job.task_name}) has ended: nothing to cancel")

    _run(work())


async def _job(queue: Queue, job_id: int) -> Job:
    for job in await queue.list_jobs_async(id=job_id):
        return job
    raise RunnerError(f"there is no job {job_id}: `runner jobs` lists them")


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except (exceptions.ConnectorException, psycopg.Error) as error:
        raise queue_error(error) from error


def queue_error(error: BaseException) -> RunnerError:
    """The error of procrastinate or the driver, as one line."""
    cause = error.__cause__ or error
    if isinstance(cause, psycopg.errors.ForeignKeyViolation):
        return TransientError("another worker has removed this one, which had stopped to report")
    return driver_error(cause) if isinstance(cause, psycopg.Error) else RunnerError(" ".join(str(cause).split()))
