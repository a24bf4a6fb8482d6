"""Reads Snowflake: one limiter for all workers, one connection a thread, retries that it can see."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from queue import Empty, LifoQueue
from time import perf_counter
from typing import Any

import pyarrow as pa
import snowflake.connector
from pyrate_limiter import Limiter, Rate
from snowflake.connector import errors
from snowflake.connector.connection import SnowflakeConnection
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from python_runner.errors import RunnerError
from python_runner.settings import SnowflakeSettings

ATTEMPTS = 6
CONNECT_TIMEOUT_S = 15

# https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api (errno)
BAD_LOGIN = 390100
NO_SUCH_OBJECT = (2003, 90105, 90106)
NO_SUCH_COLUMN = (904, 2043)

logging.getLogger("snowflake.connector").setLevel(logging.CRITICAL)


class Snowflake:
    """A rate-limited reader, shared by the threads of a load; a context manager."""

    def __init__(self, settings: SnowflakeSettings, on_retry: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings
        self.statements = 0
        self.retries = 0
        self.waited_seconds = 0.0
        self._on_retry = on_retry
        self._limiter = Limiter(Rate(1, round(1000 / settings.rate_limit_rps)), buffer_ms=1)
        self._idle: LifoQueue[SnowflakeConnection] = LifoQueue()
        self._lock = threading.Lock()

    def __enter__(self) -> Snowflake:
        return self

    def __exit__(self, *_: object) -> None:
        while not self._idle.empty():
            self._idle.get().close()

    def fetch(self, sql: str, params: dict[str, Any] | None = None) -> pa.Table:
        """The result of one statement as Arrow, with lower-case names. RunnerError when it fails for good."""
        retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            wait=wait_exponential_jitter(multiplier=0.5, max=30),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=self._note_retry,
            reraise=True,
        )
        with _translated(self.settings):
            return retrying(self._fetch_once, sql, params)

    def _fetch_once(self, sql: str, params: dict[str, Any] | None) -> pa.Table:
        with self._connection() as connection, closing(connection.cursor()) as cursor:
            self._wait_for_limit("statement")
            with self._lock:
                self.statements += 1
            cursor.execute(sql, params)
            table = cursor.fetch_arrow_all(force_return_table=True)
        return table.rename_columns([name.lower() for name in table.column_names])

    @contextmanager
    def _connection(self) -> Iterator[SnowflakeConnection]:
        """One connection a thread at a time; one that failed is not used again."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except errors.ProgrammingError:
            self._idle.put(connection)
            raise
        except BaseException:
            connection.close(retry=False)
            raise
        self._idle.put(connection)

    def _connect(self) -> SnowflakeConnection:
        self._wait_for_limit("login")
        return snowflake.connector.connect(
            **self.settings.connect_args(),
            application="collectibles_snapshots",
            login_timeout=CONNECT_TIMEOUT_S,
            network_timeout=0,
            session_parameters={"TIMEZONE": "UTC"},
            arrow_number_to_decimal=True,
        )

    def _wait_for_limit(self, what: str) -> None:
        begin = perf_counter()
        self._limiter.try_acquire(what)
        with self._lock:
            self.waited_seconds += perf_counter() - begin

    def _note_retry(self, state: RetryCallState) -> None:
        with self._lock:
            self.retries += 1
        reason = state.outcome.exception() if state.outcome else None
        self._on_retry(f"Snowflake: {_one_line(reason)}; trying again ({state.attempt_number}/{ATTEMPTS - 1})")


def _is_transient(error: BaseException) -> bool:
    if not isinstance(error, errors.Error) or _refused(error):
        return False
    return not isinstance(error, (errors.ProgrammingError, errors.NotSupportedError))


def _refused(error: errors.Error) -> bool:
    return error.errno == BAD_LOGIN or "Incorrect username or password" in str(error)


@contextmanager
def _translated(settings: SnowflakeSettings) -> Iterator[None]:
    try:
        yield
    except errors.Error as error:
        raise RunnerError(_explain(error, settings)) from error


def _explain(error: errors.Error, settings: SnowflakeSettings) -> str:
    where = f"{settings.database}.{settings.schema_}"
    if _refused(error):
        return f"Snowflake refused the login of {settings.user!r}: check SNOWFLAKE_USER and SNOWFLAKE_PASSWORD"
    if error.errno in NO_SUCH_OBJECT:
        hint = "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read"
        return f"Snowflake ({where}): {_one_line(error)}; {hint}"
    if error.errno in NO_SUCH_COLUMN:
        return f"Snowflake ({where}): {_one_line(error)}; compare the table with models/staging/_sources.yml"
    if isinstance(error, errors.OperationalError):
        server, hint = settings.host or settings.account, "check SNOWFLAKE_ACCOUNT and SNOWFLAKE_HOST"
        return f"Snowflake at {server!r} does not answer ({_one_line(error)}): {hint}"
    return f"Snowflake: {_one_line(error)}"


def _one_line(error: BaseException | None) -> str:
    text = getattr(error, "raw_msg", None) or str(error)
    return " ".join(text.split())[:300]
