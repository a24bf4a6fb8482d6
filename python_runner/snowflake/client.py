"""Reads Snowflake: one session and one rate limit for all threads, and retries that it controls."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
from snowflake.connector import SnowflakeConnection
from snowflake.connector.constants import QueryStatus
from snowflake.connector.cursor import SnowflakeCursor
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from python_runner.errors import RunnerError, TransientError
from python_runner.settings import SnowflakeSettings
from python_runner.snowflake.errors import FAILURES, FailureKind, explain, failure_kind, may_pass, one_line
from python_runner.snowflake.rate_limit import RateLimit
from python_runner.snowflake.reach import check_reachable
from python_runner.snowflake.results import Result
from python_runner.snowflake.workers import Workers

ATTEMPTS = 8
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30
CONNECT_TIMEOUT_S = 15
# Between the questions whether a statement has ended. A statement that nobody knows is given up after so many.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 2.0
MAX_UNKNOWN = 12

# Several threads that import it at once can deadlock.
importlib.import_module("snowflake.connector.nanoarrow_arrow_iterator")
logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)

Outcome = TypeVar("Outcome")


class _Connection(SnowflakeConnection):
    """A connection that cancels no statement: with `network_timeout=0` the connector cancels each one at once."""

    def _cancel_query(self, sql: str, request_id: object) -> dict[str, bool | None]:  # noqa: ARG002
        return {}


@dataclass
class Tally:
    """What a part of a load has cost: retries, and the seconds that it has waited for the rate limit."""

    retries: int = 0
    waited_seconds: float = 0.0


_TALLY: ContextVar[Tally | None] = ContextVar("tally", default=None)


class Snowflake:
    """A rate-limited client, shared by the threads of a load. Use it as a context manager."""

    def __init__(
        self,
        settings: SnowflakeSettings,
        on_retry: Callable[[str], None] = lambda _: None,
        *,
        first_backoff_s: float = FIRST_BACKOFF_S,
    ) -> None:
        self.settings = settings
        self.statements = 0
        self.retries = 0
        self.rate_limit = RateLimit(settings.rate_limit_rps)
        self.workers = Workers(settings.batches_in_parallel)
        self._first_backoff_s = first_backoff_s
        self._on_retry = on_retry
        self._opened: list[SnowflakeConnection] = []
        self._lost = False
        self._login = threading.Lock()
        self._lock = threading.Lock()
        self._reached = False

    def __enter__(self) -> Snowflake:
        return self

    def __exit__(self, *_: object) -> None:
        self.workers.close()
        for connection in self._opened:
            connection.close(retry=False)

    @property
    def waited_seconds(self) -> float:
        """The total time that threads have waited for the rate limit."""
        return self.rate_limit.waited_seconds

    @contextmanager
    def tally(self) -> Iterator[Tally]:
        """Count apart what the block costs, with the tasks that it gives to the workers."""
        tally = Tally()
        token = _TALLY.set(tally)
        try:
            yield tally
        finally:
            _TALLY.reset(token)

    @property
    def connection(self) -> SnowflakeConnection:
        """The last session, whose network connections are kept open even if it is lost."""
        return self._opened[-1]

    def fetch(self, sql: str, params: dict[str, Any] | None = None) -> pa.Table:
        """The result of one statement as Arrow, with lower-case column names. RunnerError if all retries fail."""
        return self.retried(lambda: self._execute(sql, params)).read_all()

    def submit(self, sql: str, params: dict[str, Any] | None = None) -> str:
        """Start a statement. Returns its query id; any session of the user can fetch the result for 24 hours."""
        return self.retried(lambda: self._submit(sql, params))

    def result(self, query_id: str) -> Result:
        """Wait until a statement has ended. RunnerError if it has failed, or its result is no longer kept."""
        pause, unknown = FIRST_PAUSE_S, 0
        while unknown < MAX_UNKNOWN:
            status = self.retried(lambda: self._status(query_id))
            if not SnowflakeConnection.is_still_running(status):
                return self.retried(lambda: Result(self, query_id, self.batches(query_id)))
            unknown = unknown + 1 if status is QueryStatus.NO_DATA else 0
            self.workers.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise TransientError(f"Snowflake does not know the query {query_id}: run it again")

    def batches(self, query_id: str) -> list[Any]:
        """The chunks of a result, with fresh URLs. This is no statement, and is not tried again."""
        with self._cursor() as cursor:
            return cursor.query_result(query_id).get_result_batches() or []

    def retried(self, work: Callable[[], Outcome], *, of_service: bool = True) -> Outcome:
        """Do the work, again after a failure that may pass. RunnerError if all retries fail.

        A failure of the service, unlike one of the storage of results, slows the statements down if it throttles.
        """

        def record(state: RetryCallState) -> None:
            failure = state.outcome.exception() if state.outcome else None
            if of_service and failure and failure_kind(failure) is FailureKind.THROTTLED:
                self.rate_limit.slow_down()
            tally = _TALLY.get() or Tally()
            with self._lock:
                self.retries += 1
                tally.retries += 1
            self._on_retry(f"Snowflake: {one_line(failure)}; retrying ({state.attempt_number}/{ATTEMPTS - 1})")

        retrying = Retrying(
            retry=retry_if_exception(lambda failure: failure_kind(failure) is not FailureKind.PERMANENT),
            wait=wait_exponential_jitter(
                multiplier=self._first_backoff_s, max=LONGEST_BACKOFF_S, jitter=self._first_backoff_s
            ),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=record,
            sleep=self.workers.sleep,
            reraise=True,
        )
        try:
            return retrying(work)
        except FAILURES as failure:
            raise (TransientError if may_pass(failure) else RunnerError)(explain(failure, self.settings)) from failure

    def _execute(self, sql: str, params: dict[str, Any] | None) -> Result:
        with self._statement() as cursor:
            cursor.execute(sql, params)
            return Result(self, str(cursor.sfqid), cursor.get_result_batches() or [])

    def _submit(self, sql: str, params: dict[str, Any] | None) -> str:
        with self._statement() as cursor:
            return str(cursor.execute_async(sql, params)["queryId"])

    def _status(self, query_id: str) -> QueryStatus:
        with self._cursor() as cursor:
            return cursor.connection.get_query_status(query_id)

    @contextmanager
    def _statement(self) -> Iterator[SnowflakeCursor]:
        with self._cursor() as cursor:
            self._wait()
            with self._lock:
                self.statements += 1
            yield cursor
        self.rate_limit.speed_up()

    @contextmanager
    def _cursor(self) -> Iterator[SnowflakeCursor]:
        """A cursor of the session. A session that was lost is not used again."""
        with self._login:
            if self._lost or not self._opened:
                self._opened.append(self._connect())
                self._lost = False
            connection = self.connection
        try:
            with closing(connection.cursor()) as cursor:
                yield cursor
        except FAILURES as failure:
            if failure_kind(failure) is FailureKind.SESSION_LOST:
                with self._login:
                    self._lost = self._lost or connection is self.connection
            raise

    def _wait(self) -> None:
        waited = self.rate_limit.wait()
        if tally := _TALLY.get():
            tally.waited_seconds += waited

    def _connect(self) -> SnowflakeConnection:
        if not self._reached:
            check_reachable(self.settings)
            self._reached = True
        self._wait()
        return _Connection(
            **self.settings.connect_args(),
            application="collectibles_snapshots",
            login_timeout=CONNECT_TIMEOUT_S,
            network_timeout=0,
            session_parameters={"TIMEZONE": "UTC"},
            arrow_number_to_decimal=True,
        )
