"""Loads and builds exclude each other: the second waits, and says for whom.

The lock lives in a session of its own. Where that session ends, another run may begin, so this one stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from python_runner.errors import RunnerError
from python_runner.postgres.pool import CONNECT_TIMEOUT_S, Connection, translated
from python_runner.settings import PostgresSettings

KEY = "hashtextextended('collectibles_runner', 0)"

# The lock is a transaction's, not a session's: so it also holds behind a pooler that lends out transactions.
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


# What may end a session that does nothing for hours, or cancel it while it waits for the lock.
LIMITS = ["idle_in_transaction_session_timeout", "transaction_timeout", "statement_timeout", "lock_timeout"]


class RunLock:
    """The one right to change the tables, held while its session lasts."""

    def __init__(self, connection: Connection, what: str) -> None:
        self._connection = connection
        self._what = what

    def check(self) -> None:
        """RunnerError where the session has ended."""
        try:
            self._connection.execute("select")
        except psycopg.Error as error:
            raise RunnerError(
                f"`{self._what}` has lost its lock, as Postgres has ended the session that held it: run it again"
            ) from error


@contextmanager
def exclusive(settings: PostgresSettings, what: str, *, wait: bool, say: Callable[[str], None]) -> Iterator[RunLock]:
    """Hold the one right to change the tables, as `what`; RunnerError at once if it is taken and `wait` is off."""
    with translated():
        connection = psycopg.connect(
            settings.conninfo, application_name=f"runner {what}", connect_timeout=CONNECT_TIMEOUT_S
        )
    # Closed, not committed: should the server have ended the session meanwhile, the work is done all the same.
    with closing(connection):
        with translated():
            _lock(connection, wait=wait, say=say)
        yield RunLock(connection, f"runner {what}")


def _lock(connection: Connection, *, wait: bool, say: Callable[[str], None]) -> None:
    connection.execute("select set_config(name, '0', true) from pg_settings where name = any(%s)", (LIMITS,))
    taken = connection.execute(f"select pg_try_advisory_xact_lock({KEY})").fetchone()
    if taken == (True,):
        return
    holder = connection.execute(HOLDER).fetchone()
    whom = "`{}` (process {}, since {})".format(*holder) if holder else "another run that is just ending"
    if not wait:
        raise RunnerError(f"busy with {whom}: wait for it, or leave out --no-wait")
    say(f"waiting for {whom}")
    connection.execute(f"select pg_advisory_xact_lock({KEY})")
