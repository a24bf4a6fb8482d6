"""The run lock: only one load or build runs at a time. The second waits and reports which process it waits for.

A session of its own holds the lock. If that session ends, another run can start, so this run stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import sleep

import psycopg

from python_runner.errors import RunnerError, TransientError
from python_runner.postgres.pool import Connection, read_committed, wrap_driver_errors
from python_runner.settings import PostgresSettings

WAIT_S = 0.2
KEY = "hashtextextended('collectibles_runner', 0)"

# The lock belongs to a transaction, not to a session, so that it also works behind a transaction pooler.
HOLDER = f"""
select activity.application_name, activity.pid, to_char(activity.xact_start, 'HH24:MI:SS') as since
from pg_locks
inner join pg_stat_activity as activity using (pid)
where
    locktype = 'advisory'
    and granted
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32) | objid::bigint = {KEY}
"""

# Settings that end a session that is idle for hours, or cancel a statement that waits for the lock.
LIMITS = ["idle_in_transaction_session_timeout", "transaction_timeout", "statement_timeout", "lock_timeout"]


class RunLock:
    """The run lock of one command, held until its session ends. `pid` is the server process of that session."""

    def __init__(self, connection: Connection, command: str, pid: int) -> None:
        self._connection = connection
        self._command = command
        self.pid = pid

    def check(self) -> None:
        """TransientError if the session has ended."""
        try:
            self._connection.execute("select")
        except psycopg.Error as error:
            raise TransientError(
                f"`runner {self._command}` has lost its lock, because Postgres ended the session that held it:"
                " run it again"
            ) from error

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Check before the work, and where the work fails: the loss of the lock is then the error to report."""
        self.check()
        try:
            yield
        except RunnerError:
            self.check()
            raise


@contextmanager
def hold_run_lock(
    settings: PostgresSettings, command: str, *, wait: bool, notify: Callable[[str], None]
) -> Iterator[RunLock]:
    """Hold the run lock for the command. RunnerError if it is taken and `wait` is false."""
    with wrap_driver_errors():
        # A prepared statement would keep its snapshot, for which CREATE INDEX CONCURRENTLY and VACUUM wait.
        connection = psycopg.connect(settings.conninfo, application_name=f"runner {command}", prepare_threshold=None)
        read_committed(connection)
    # Close without COMMIT: if the server has ended the session, the work must still succeed.
    with closing(connection):
        with wrap_driver_errors():
            pid = _lock(connection, wait=wait, notify=notify)
        yield RunLock(connection, command, pid)


def _lock(connection: Connection, *, wait: bool, notify: Callable[[str], None]) -> int:
    connection.execute("select set_config(name, '0', true) from pg_settings where name = any(%s)", (LIMITS,))
    if _try(connection):
        return _pid(connection)
    holder = connection.execute(HOLDER).fetchone()
    other = "`{}` (process {}, since {})".format(*holder) if holder else "another run that is about to end"
    if not wait:
        raise RunnerError(f"busy with {other}: wait until it ends, or omit --no-wait")
    notify(f"waiting for {other}")
    # A statement that waits has a snapshot. CREATE INDEX CONCURRENTLY of the run would wait for it, for ever.
    while not _try(connection):
        sleep(WAIT_S)
    return _pid(connection)


def _try(connection: Connection) -> bool:
    return connection.execute(f"select pg_try_advisory_xact_lock({KEY})").fetchone() == (True,)


def _pid(connection: Connection) -> int:
    """The server process, which libpq does not know behind a pooler."""
    return int(connection.execute("select pg_backend_pid()").fetchone()[0])  # type: ignore[index]
