"""dbt in processes of its own: started beside the test, watched while they wait for a lock, killed, joined."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep

import pytest
from psycopg.rows import dict_row

from tests.delta.project import Connection, Project, Run

FORK = multiprocessing.get_context("fork")  # dbt is imported and the project parsed already
INTERVAL_S = 0.02
LIMIT_S = 120

Work = Callable[[Project], Run]

WAITING = """
select pid, query_start from pg_stat_activity where application_name = %s and wait_event_type = 'Lock'
"""
WAITS = """
select
    activity.application_name,
    activity.pid,
    activity.state,
    pg_blocking_pids(activity.pid) as blocked_by,
    locks.locktype,
    locks.mode,
    locks.relation::regclass::text as relation,
    left(regexp_replace(activity.query, '^/\\*.*?\\*/\\s*', ''), 300) as query
from pg_stat_activity as activity
left join pg_locks as locks on activity.pid = locks.pid and not locks.granted
where activity.datname = current_database() and activity.pid <> pg_backend_pid()
order by activity.application_name, activity.pid
"""
HOLD = """
create or replace function raw.hold() returns trigger language plpgsql as $$
begin
    if current_setting('application_name') = tg_argv[0] then
        perform pg_advisory_xact_lock_shared(hashtext('hold'));
    end if;
    return null;
end $$;
create trigger hold before insert or update or delete on {table} execute function raw.hold('{name}')
"""


@dataclass
class Command:
    """Work that a process does; its sessions go by its name."""

    name: str
    process: BaseProcess
    pipe: Pipe
    run: Run | None = None
    error: str = ""

    def join(self, connection: Connection, limit_s: float = LIMIT_S) -> Command:
        """Wait for the end; it must come within the limit, or the test fails and names who waits for whom."""
        until = monotonic() + limit_s
        while not self.ended:
            if monotonic() > until:
                pytest.fail(f"{self.name} has not ended after {limit_s} s:\n{waits(connection)}")
        return self

    @property
    def ended(self) -> bool:
        """Whether it has; then its outcome is known."""
        if self.run or self.error:
            return True
        if not self.pipe.poll(INTERVAL_S):
            return False
        try:
            outcome = self.pipe.recv()
        except EOFError:
            self.process.join()
            outcome = f"the process ended with code {self.process.exitcode}"
        self.process.join()
        if isinstance(outcome, Run):
            self.run = outcome
        else:
            self.error = outcome
        return True

    @property
    def errors(self) -> list[str]:
        """What failed, in dbt's words."""
        return list(self.run.errors.values()) if self.run else [self.error]

    def waits(self, connection: Connection, limit_s: float = LIMIT_S) -> bool:
        """Go on when it waits for a lock, with True, or when it has ended, with False."""
        until, before = monotonic() + limit_s, set[object]()
        while not self.ended:
            # It does if a statement waits at two looks in a row.
            now = set(connection.execute(WAITING, (self.name,)).fetchall())
            if now & before:
                return True
            before = now
            if monotonic() > until:
                pytest.fail(f"{self.name} neither waits nor ends after {limit_s} s:\n{waits(connection)}")
        return False

    def kill(self) -> None:
        """kill -9; what its sessions are doing, the server may go on doing for a while."""
        self.process.kill()
        self.process.join()


@dataclass
class Workers:
    """Processes that work on a project, each with a folder of its own."""

    folder: Path
    started: list[Command] = field(default_factory=list)

    def start(self, name: str, project: Project, *models: str, **options: object) -> Command:
        """Run these models; see Project.run."""
        return self.work(name, project, lambda own: own.run(*models, **options))  # type: ignore[arg-type]

    def work(self, name: str, project: Project, work: Work) -> Command:
        """Do anything that ends with a run, or with an exception, whose text is then the command's error."""
        own = replace(project, folder=self.folder / f"{len(self.started)}")
        own.folder.mkdir()
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=_work, args=(name, own, work, theirs))
        process.start()
        theirs.close()  # so that its end is the end of the pipe
        self.started.append(Command(name, process, ours))
        return self.started[-1]

    def close(self) -> None:
        """End what has not ended."""
        for command in self.started:
            command.kill()
            command.pipe.close()


def _work(name: str, project: Project, work: Work, pipe: Pipe) -> None:
    os.environ["PGAPPNAME"] = name
    try:
        pipe.send(work(project))
    except Exception as error:  # noqa: BLE001
        pipe.send(str(error) or repr(error))


@contextmanager
def workers(folder: Path) -> Iterator[Workers]:
    """Workers, which are ended afterwards."""
    started = Workers(folder)
    folder.mkdir()
    try:
        yield started
    finally:
        started.close()


def hold(connection: Connection, table: str, name: str) -> None:
    """Stop the sessions of this name before they write to the table, while anybody has the lock of `holding`."""
    connection.execute(HOLD.format(table=table, name=name))


def holding(connection: Connection) -> None:
    """Take the lock that they stop for, until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(hashtext('hold'))")


def waits(connection: Connection) -> str:
    """Every other session of the database, with what it waits for."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return "\n".join(str(row) for row in cursor.execute(WAITS).fetchall())


def settle(connection: Connection, limit_s: float = LIMIT_S) -> None:
    """Wait until no other session is left, those of killed processes included."""
    until = monotonic() + limit_s
    others = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    while connection.execute(others).fetchone():
        if monotonic() > until:
            pytest.fail(f"sessions are left after {limit_s} s:\n{waits(connection)}")
        sleep(INTERVAL_S)
