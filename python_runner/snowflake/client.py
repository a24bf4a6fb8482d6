"""Reads Snowflake: one rate limit for all threads, one connection per thread, and retries that it controls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from queue import Empty, LifoQueue
from typing import Any

import pyarrow as pa
import snowflake.connector
from snowflake.connector.connection import SnowflakeConnection
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from python_runner.errors import RunnerError, TransientError
from python_runner.settings import SnowflakeSettings
from python_runner.snowflake.errors import FAILURES, FailureKind, explain, failure_kind, one_line
from python_runner.snowflake.rate_limit import RateLimit
from python_runner.snowflake.reach import check_reachable

ATTEMPTS = 8
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30
CONNECT_TIMEOUT_S = 15

logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)


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
        self._first_backoff_s = first_backoff_s
        self._on_retry = on_retry
        self._idle: LifoQueue[SnowflakeConnection] = LifoQueue()
        self._lock = threading.Lock()
        self._reached = False

    def __enter__(self) -> Snowflake:
        return self

    def __exit__(self, *_: object) -> None:
        while not self._idle.empty():
            self._idle.get().close()

    @property
    def waited_seconds(self) -> float:
        """The total time that threads have waited for the rate limit."""
        return self.rate_limit.waited_seconds

    def fetch(self, sql: str, params: dict[str, Any] | None = None) -> pa.Table:
        """The result of one statement as Arrow, with lower-case column names. RunnerError if all retries fail."""
        retrying = Retrying(
            retry=retry_if_exception(lambda failure: failure_kind(failure) is not FailureKind.PERMANENT),
            wait=wait_exponential_jitter(
                multiplier=self._first_backoff_s, max=LONGEST_BACKOFF_S, jitter=self._first_backoff_s
            ),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=self._record_retry,
            reraise=True,
        )
        try:
            return retrying(self._fetch_once, sql, params)
        except FAILURES as failure:
            permanent = failure_kind(failure) is FailureKind.PERMANENT
            raise (RunnerError if permanent else TransientError)(explain(failure, self.settings)) from failure

    def _fetch_once(self, sql: str, params: dict[str, Any] | None) -> pa.Table:
        with self._connection() as connection, closing(connection.cursor()) as cursor:
            self.rate_limit.wait()
            with self._lock:
                self.statements += 1
            cursor.execute(sql, params)
            table = cursor.fetch_arrow_all(force_return_table=True, force_microsecond_precision=True)
        self.rate_limit.speed_up()
        return table.rename_columns([name.lower() for name in table.column_names])

    @contextmanager
    def _connection(self) -> Iterator[SnowflakeConnection]:
        """Lend a connection to one thread. A connection whose session or network failed is not reused."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException as failure:
            if isinstance(failure, FAILURES) and failure_kind(failure) in {
                FailureKind.THROTTLED,
                FailureKind.PERMANENT,
            }:
                self._idle.put(connection)
            else:
                connection.close(retry=False)
            raise
        self._idle.put(connection)

    def _connect(self) -> SnowflakeConnection:
        if not self._reached:
            check_reachable(self.settings)
            self._reached = True
        self.rate_limit.wait()
        return snowflake.connector.connect(
            **self.settings.connect_args(),
            application="collectibles_snapshots",
            login_timeout=CONNECT_TIMEOUT_S,
            network_timeout=0,
            session_parameters={"TIMEZONE": "UTC"},
            arrow_number_to_decimal=True,
        )

    def _record_retry(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if failure and failure_kind(failure) is FailureKind.THROTTLED:
            self.rate_limit.slow_down()
        with self._lock:
            self.retries += 1
        self._on_retry(f"Snowflake: {one_line(failure)}; retrying ({state.attempt_number}/{ATTEMPTS - 1})")
