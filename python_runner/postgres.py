"""The loader's own connections to Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from python_runner.errors import RunnerError
from python_runner.settings import PostgresSettings

CONNECT_TIMEOUT_S = 10
WAIT_FOR_CONNECTION_S = 60
OLDEST_SERVER = 150000

Connection = psycopg.Connection[TupleRow]
Pool = ConnectionPool[Connection]


@contextmanager
def open_pool(settings: PostgresSettings) -> Iterator[Pool]:
    """The ETL pool, for this process alone; RunnerError says why the server cannot be used."""
    options = {"application_name": "collectibles_runner", "connect_timeout": CONNECT_TIMEOUT_S}
    with translated():
        with psycopg.connect(settings.conninfo, **options) as connection:  # type: ignore[arg-type]
            if connection.info.server_version < OLDEST_SERVER:
                raise RunnerError(
                    f"Postgres {connection.info.server_version // 10000} is too old: use version 15 or later"
                )
        with ConnectionPool(
            settings.conninfo,
            kwargs=options,
            min_size=settings.db_pool_min,
            max_size=settings.db_pool_max,
            timeout=WAIT_FOR_CONNECTION_S,
            open=True,
        ) as pool:
            yield pool


@contextmanager
def translated() -> Iterator[None]:
    """Driver errors as one line."""
    try:
        yield
    except PoolTimeout as error:
        raise RunnerError(
            f"Postgres: no connection came free within {WAIT_FOR_CONNECTION_S} s: raise DB_POOL_MAX"
        ) from error
    except psycopg.OperationalError as error:
        raise RunnerError(f"Postgres: {_last_line(error)}: check DATABASE_URL") from error
    except psycopg.Error as error:
        raise RunnerError(f"Postgres: {_last_line(error)}") from error


def _last_line(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return next(
        (line for line in lines if "FATAL" in line or "could not" in line),
        lines[0] if lines else "unknown error",
    )
