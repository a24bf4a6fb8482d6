"""The worker: takes jobs from the queue, one at a time, and has a warm process do them."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import psycopg
from croniter import croniter
from procrastinate import App, JobContext, exceptions
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from python_runner.errors import RunnerError, TransientError, UsageError
from python_runner.jobs.log import JobLog, OneLine
from python_runner.jobs.names import JobName, JobRequest
from python_runner.jobs.process import WarmProcess
from python_runner.jobs.queue import DIED, KEPT_HOURS, LOCK, QUEUE, STALLED_S, Queue, open_queue, priority, queue_error
from python_runner.settings import PostgresSettings, ScheduleSettings

POLL_S = 1.0  # LISTEN does not work behind a transaction pooler
HEARTBEAT_S = STALLED_S / 5
GRACE_S = 5.0  # how long a job may go on after SIGTERM
FIRST_PAUSE_S, LONGEST_PAUSE_S, ERRORS = 15, 900, 8
RECONNECT_S = 1.0
CLEANUP_S = 3600.0
CRON_FIELDS = 5  # croniter also takes seconds


class _AgainError(Exception):
    """The job is to be queued again."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at


class _Retry(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if not isinstance(exception, _AgainError):
            return None
        return RetryDecision(retry_at=exception.at, priority=priority(exception.at))


def check_schedule(schedule: ScheduleSettings) -> dict[JobName, str]:
    """The cron expression of each job that has one. UsageError names the one that cannot be read."""
    expressions = {name: getattr(schedule, name.name).strip() for name in JobName}
    for name, expression in expressions.items():
        if expression and (len(expression.split()) != CRON_FIELDS or not croniter.is_valid(expression)):
            raise UsageError(
                f"SCHEDULE_{name.name.upper()} is no cron expression ({expression!r}): use five fields, such as"
                " '15 */3 * * *', or leave it empty"
            )
    return {name: expression for name, expression in expressions.items() if expression}


class Worker:
    """One worker, which reconnects when Postgres was away."""

    def __init__(
        self, settings: PostgresSettings, schedule: dict[JobName, str], log: JobLog, *, once: bool = False
    ) -> None:
        self._settings, self._schedule, self._log, self._once = settings, schedule, log, once
        self._process = WarmProcess(as_json=log.as_json)
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self._failed = 0

    def run(self) -> None:
        """Work until SIGTERM, or with `once` until no job is due. RunnerError if then any has failed."""
        for library in ("procrastinate", "psycopg.pool"):
            logger = logging.getLogger(library)
            logger.propagate, logger.handlers = False, [OneLine(self._log)]
        asyncio.run(self._serve())
        if self._once and self._failed:
            raise RunnerError(f"{self._failed} job{'s' * (self._failed > 1)} failed: see `runner jobs`")

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._report)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            while not self._stopping:
                self._running = asyncio.create_task(self._connected())
                try:
                    await self._running
                except asyncio.CancelledError:
                    continue
                except (exceptions.ConnectorException, psycopg.Error, TransientError) as error:
                    failure = error if isinstance(error, TransientError) else queue_error(error)
                    if self._once or not isinstance(failure, TransientError):
                        raise failure from error
                    self._log.message(f"{failure}; connecting again")
                if self._once:
                    return
                await asyncio.sleep(RECONNECT_S)
        finally:
            await self._process.kill()

    def _report(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an exception that nobody awaits. That an outcome was not stored is reported when connecting again."""
        error = context.get("exception")
        if not isinstance(error, exceptions.ConnectorException):
            self._log.message(" ".join(f"{context['message']}: {error!r}".split()))

    def _stop(self) -> None:
        if not self._stopping and self._running:
            self._stopping = True
            self._running.cancel()

    async def _connected(self) -> None:
        async with open_queue(self._settings) as (app, queue):
            self._register(app, queue)
            await self._put_back(queue)
            await self._make_up(app, queue)
            if not self._once:
                await self._process.start()
            tending = asyncio.create_task(self._tend(queue))
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    wait=not self._once,
                    listen_notify=False,
                    fetch_job_polling_interval=POLL_S,
                    abort_job_polling_interval=POLL_S,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=STALLED_S,
                    shutdown_graceful_timeout=GRACE_S,
                    install_signal_handlers=False,
                )
            )
            queue.on_lost = working.cancel
            queue.on_taken = lambda job_id: self._log.message(f"another worker has taken job {job_id} meanwhile")
            try:
                await asyncio.wait((working, tending), return_when=asyncio.FIRST_COMPLETED)
            finally:
                tending.cancel()
                working.cancel()
                outcomes = await asyncio.gather(working, tending, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome

    def _register(self, app: App, queue: Queue) -> None:
        async def work(context: JobContext, *, source: str | None = None, timestamp: int | None = None) -> None:  # noqa: ARG001
            await self._work(context, queue, source)

        for name in JobName:
            task = app.task(name=name, queue=QUEUE, lock=LOCK, queueing_lock=name, retry=_Retry(), pass_context=True)(
                work
            )
            if expression := self._schedule.get(name):
                app.periodic(cron=expression, periodic_id=expression)(task)  # type: ignore[arg-type]

    async def _work(self, context: JobContext, queue: Queue, source: str | None) -> None:
        job_id, name = context.job.id or 0, context.job.task_name
        log, begin = JobLog(as_json=self._log.as_json), time.monotonic()
        log.job = (job_id, name)
        log.emit("job_started")
        try:
            await self._process.run(JobRequest(job_id, name, source))
        except asyncio.CancelledError:
            await self._process.kill()
            if context.abort_reason() is AbortReason.USER_REQUEST:
                log.emit("job_cancelled")
                raise exceptions.JobAborted from None
            log.emit("job_requeued", error="the worker stops")
            raise _AgainError(datetime.now(UTC)) from None
        except RunnerError as error:
            self._failed += 1
            try:
                earlier = await queue.add_error(job_id, str(error))
            except exceptions.ConnectorException:  # Postgres is away: whatever the error was, the job has not ended
                raise _AgainError(datetime.now(UTC) + timedelta(seconds=FIRST_PAUSE_S)) from error
            if isinstance(error, TransientError) and earlier + 1 < ERRORS:
                pause = min(FIRST_PAUSE_S * 2**earlier, LONGEST_PAUSE_S)
                log.emit("job_retried", error=str(error), pause=pause)
                raise _AgainError(datetime.now(UTC) + timedelta(seconds=pause)) from None
            log.emit("job_failed", error=str(error))
            raise
        log.emit("job_succeeded", seconds=round(time.monotonic() - begin, 3))

    async def _make_up(self, app: App, queue: Queue) -> None:
        """Enqueue what became due while no worker ran, once. A schedule that is new has missed nothing."""
        now = time.time()
        for name, expression in self._schedule.items():
            await queue.begin_schedule(name, expression, int(croniter(expression, now).get_prev(float)))
        deferrer = PeriodicDeferrer(app.periodic_registry, max_delay=inf)
        await deferrer.defer_jobs(deferrer.get_previous_tasks(at=now))

    async def _tend(self, queue: Queue) -> None:
        cleaned = -inf
        while True:
            if time.monotonic() - cleaned > CLEANUP_S:
                cleaned = time.monotonic()
                await queue.delete_old_jobs(
                    KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
                )
            await asyncio.sleep(HEARTBEAT_S)
            await self._put_back(queue)

    async def _put_back(self, queue: Queue) -> None:
        for job_id, error in (await queue.put_back_stalled()).items():
            self._log.message(f"job {job_id} is {'queued again' if error == DIED else 'ended'}: {error}")
