"""The commands of the queue: enqueue, worker, jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from python_runner.cli_common import Debug, Json, exit_on_error
from python_runner.errors import UsageError
from python_runner.jobs.names import JobName, check_source

JobId = Annotated[int, typer.Argument(help="The id, as `runner jobs` shows it.")]

jobs_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@contextmanager
def _with_queue() -> Iterator[None]:
    """UsageError if the packages of the queue are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"the queue needs {error.name}: install the project with its extra `jobs`") from error


def enqueue(
    job: Annotated[JobName, typer.Argument(help="What to do.")],
    source: Annotated[str | None, typer.Option(help="Load only this source (refresh, reconcile).")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            help="Not before this time, in this machine's time zone.",
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Put a job into the queue, unless an equal one waits."""
    with exit_on_error(as_json=as_json, debug=debug), _with_queue():
        check_source(job, source)
        from python_runner.settings import postgres_settings
        from python_runner.sources import read_sources, select_sources

        select_sources(read_sources(), source)
        postgres = postgres_settings()

        from python_runner.console import report
        from python_runner.jobs import queue

        job_id, new = queue.enqueue(postgres, job, source=source, at=at.astimezone() if at else None)
        if as_json:
            report.print_json({"id": job_id, "job": job, "new": new})
        else:
            typer.echo(f"job {job_id} ({job}) " + ("is queued" if new else "waits already, and does the same"))


def worker(
    once: Annotated[
        bool, typer.Option("--once", help="End when no job is due, with exit code 1 if one failed.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the jobs of the queue, one at a time, and enqueue what the SCHEDULE_ variables say."""
    with exit_on_error(as_json=as_json, debug=debug), _with_queue():
        from python_runner.settings import postgres_settings, schedule_settings, snowflake_settings

        postgres, schedule = postgres_settings(), schedule_settings()
        snowflake_settings()

        from python_runner.jobs.log import JobLog
        from python_runner.jobs.worker import Worker, check_schedule

        Worker(postgres, check_schedule(schedule), JobLog(as_json=as_json), once=once).run()


@jobs_app.callback()
def jobs(context: typer.Context, as_json: Json = False, debug: Debug = False) -> None:
    """Show the queue: waiting and running jobs, and the last ten that ended."""
    if context.invoked_subcommand:
        return
    with exit_on_error(as_json=as_json, debug=debug):
        from python_runner.settings import postgres_settings

        postgres = postgres_settings()

        from python_runner.console import report
        from python_runner.postgres.job_list import read_jobs
        from python_runner.postgres.pool import open_pool

        with open_pool(postgres) as pool, pool.transaction() as connection:
            listed = read_jobs(connection)
        if as_json:
            report.print_json(listed)
        else:
            for title, rows in listed.items():
                report.print_rows(title, rows)


@jobs_app.command()
def retry(job_id: JobId, as_json: Json = False, debug: Debug = False) -> None:
    """Put a failed job into the queue again."""
    with exit_on_error(as_json=as_json, debug=debug), _with_queue():
        from python_runner.settings import postgres_settings

        postgres = postgres_settings()

        from python_runner.jobs import queue

        queue.retry(postgres, job_id)
        _say(job_id, "queued", as_json=as_json)


@jobs_app.command()
def cancel(job_id: JobId, as_json: Json = False, debug: Debug = False) -> None:
    """Take a waiting job out of the queue, or end a running one; what it has not finished is undone."""
    with exit_on_error(as_json=as_json, debug=debug), _with_queue():
        from python_runner.settings import postgres_settings

        postgres = postgres_settings()

        from python_runner.jobs import queue

        queue.cancel(postgres, job_id)
        _say(job_id, "cancelled", as_json=as_json)


def _say(job_id: int, state: str, *, as_json: bool) -> None:
    from python_runner.console import report

    if as_json:
        report.print_json({"id": job_id, "state": state})
    else:
        typer.echo(f"job {job_id} is {state}")
