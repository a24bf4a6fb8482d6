"""The loader's connections to Postgres: transactions with limits, and retries while the server restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable
from psycopg_pool import ConnectionPool, PoolTimeout
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from python_runner.errors import RunnerError, TransientError, postgres_error
from python_runner.settings import ENCODING, REMEDIES, PostgresSettings

ATTEMPTS = 6
NAME = "collectibles_runner"  # of the sessions
MIN_SERVER_VERSION = 150000

# Connection exceptions, and a server that stops or starts: https://www.postgresql.org/docs/current/errcodes-appendix.html
CONNECTION_LOST = ("08", "57P01", "57P02", "57P03")

Connection = psycopg.Connection[TupleRow]
Result = TypeVar("Result")
Guard = Callable[[], None]


class Pool(ConnectionPool[Connection]):
    """The ETL pool, for this process alone; it lends out transactions, so that it works behind a pooler too.

    `guard` is called before each transaction, and can raise to prevent it.
    """

    def __init__(self, settings: PostgresSettings, guard: Guard = lambda: None) -> None:
        self._guard = guard
        self._address = settings.conninfo
        self._limits = {
            "statement_timeout": f"{settings.db_statement_timeout_s}s",
            "lock_timeout": f"{settings.db_lock_timeout_s}s",
        }
        super().__init__(
            self._address,
            # Behind a pooler the next transaction can use a session that has not prepared the statement.
            kwargs={"fallback_application_name": NAME, "prepare_threshold": None},
            min_size=settings.db_pool_min,
            max_size=settings.db_pool_max,
            timeout=settings.db_pool_timeout_s,
            configure=read_committed,
            open=True,
        )  # fmt: skip

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection for one transaction, committed at the end. RunnerError if the server fails."""
        with wrap_driver_errors(), self._limited() as connection:
            yield connection

    def run_with_retry(self, work: Callable[[Connection], Result]) -> Result:
        """Run the work in a transaction, and again in a new one if the connection is lost.

        The work must be repeatable: the server can have committed the lost transaction.
        """

        def once() -> Result:
            with self._limited() as connection:
                return work(connection)

        return self._retried(once)

    def vacuum(self, table: Composable) -> None:
        """VACUUM a table, in a session of its own, because it cannot run in a transaction."""

        def once() -> None:
            self._guard()
            with psycopg.connect(self._address, autocommit=True, fallback_application_name=NAME) as connection:
                connection.execute(SQL("vacuum (freeze) {}").format(table))

        self._retried(once)

    def _retried(self, once: Callable[[], Result]) -> Result:
        retrying = Retrying(
            retry=retry_if_exception(_is_lost),
            wait=wait_exponential_jitter(multiplier=0.1, max=10, jitter=0.1),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=lambda _: self.check(),  # a restart also closes idle connections
            reraise=True,
        )
        with wrap_driver_errors():
            return retrying(once)

    @contextmanager
    def _limited(self) -> Iterator[Connection]:
        self._guard()
        with self.connection() as connection:
            for name, value in self._limits.items():
                connection.execute("select set_config(%s, %s, true)", (name, value))
            yield connection


@contextmanager
def open_pool(settings: PostgresSettings, guard: Guard = lambda: None) -> Iterator[Pool]:
    """The pool; RunnerError says why the server cannot be used."""
    with wrap_driver_errors():
        with psycopg.connect(settings.conninfo) as connection:
            if connection.info.server_version < MIN_SERVER_VERSION:
                raise RunnerError(
                    f"Postgres {connection.info.server_version // 10000} is too old: use version 15 or later"
                )
            if (encoding := connection.info.parameter_status("server_encoding")) != ENCODING:
                raise RunnerError(
                    f"the database {connection.info.dbname!r} has encoding {encoding}, which cannot store all text:"
                    f" use one that is made with `createdb --encoding {ENCODING} --template template0`"
                )
        with Pool(settings, guard) as pool:
            yield pool


@contextmanager
def wrap_driver_errors() -> Iterator[None]:
    """Raise driver errors as RunnerError, with a message of one line."""
    try:
        yield
    except psycopg.Error as error:
        raise driver_error(error) from error


def driver_error(error: psycopg.Error) -> RunnerError:
    """What is wrong and what to do, in one line."""
    what = f"Postgres: {_last_line(error)}"
    match error:
        case PoolTimeout():
            return TransientError(f"{what}: raise DB_POOL_MAX or DB_POOL_TIMEOUT_S")
        case psycopg.errors.QueryCanceled():
            return RunnerError(f"{what}: {REMEDIES['statement']}")
        case psycopg.errors.LockNotAvailable():
            return TransientError(f"{what}: {REMEDIES['lock']}")
        case psycopg.OperationalError():
            return postgres_error(f"{what}: check DATABASE_URL")
        case _:
            return RunnerError(what)


def read_committed(connection: Connection) -> None:
    """Override the default: a statement that has waited for a lock must see what was committed meanwhile."""
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED


def _is_lost(error: BaseException) -> bool:
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, PoolTimeout):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST)


def _last_line(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next(
        (line for line in lines if "FATAL" in line or "could not" in line),
        lines[0] if lines else "unknown error",
    )
