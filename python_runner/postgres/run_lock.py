"""The lock that prevents two loads or builds from running at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from python_runner.errors import RunnerError
from python_runner.postgres.pool import CONNECT_TIMEOUT_S, Connection, wrap_driver_errors
from python_runner.settings import PostgresSettings

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


@contextmanager
def hold_run_lock(
    settings: PostgresSettings, command: str, *, wait: bool, notify: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lock as `command`. If another process holds it, wait and notify, or raise RunnerError without `wait`."""
    with wrap_driver_errors():
        connection = psycopg.connect(
            settings.conninfo, application_name=f"runner {command}", connect_timeout=CONNECT_TIMEOUT_S
        )
    # Close without COMMIT: if the server has ended the session, the work must still succeed.
    with closing(connection):
        with wrap_driver_errors():
            _lock(connection, wait=wait, notify=notify)
        yield


def _lock(connection: Connection, *, wait: bool, notify: Callable[[str], None]) -> None:
    connection.execute("set local idle_in_transaction_session_timeout = 0")
    taken = connection.execute(f"select pg_try_advisory_xact_lock({KEY})").fetchone()
    if taken == (True,):
        return
    holder = connection.execute(HOLDER).fetchone()
    other = "`{}` (process {}, since {})".format(*holder) if holder else "another run that is about to end"
    if not wait:
        raise RunnerError(f"busy with {other}: wait until it ends, or omit --no-wait")
    notify(f"waiting for {other}")
    connection.execute(f"select pg_advisory_xact_lock({KEY})")
