"""The `runner` command.

A command imports what it needs when it needs it, so that `--help` and usage errors do not wait for dbt, Arrow and
drivers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from python_runner import __version__, cli_analytics, cli_demo, cli_jobs
from python_runner.analytics import checked_settings
from python_runner.cli_common import Debug, Json, NoWait, check_load_options, exit_on_error
from python_runner.project import PROJECT

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help takes as long as everything else
)


app.command()(cli_jobs.enqueue)
app.command()(cli_jobs.worker)
app.add_typer(cli_jobs.jobs_app, name="jobs")


def _print_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"runner {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Load Snowflake into Postgres at a limited rate, and build the snapshots with dbt."""


@app.command()
def load(
    source: Annotated[str | None, typer.Option(help="Load only this source.")] = None,
    from_csv: Annotated[
        Path | None,
        typer.Option(
            help="Read the source from a CSV file, optionally .gz. If its declaration says `incremental: whole`, the"
            " file is the whole table: rows that it lacks are deleted, up to the source's delete_limit."
        ),
    ] = None,
    from_parquet: Annotated[
        Path | None, typer.Option(help="Read the source from a Parquet file; otherwise like --from-csv.")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Fetch everything and apply the difference. With a file: the file is the whole table, and every row"
            " that it lacks is deleted.",
        ),
    ] = False,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Compare checksums with Snowflake and repair what differs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --reconcile: show what would change, and change nothing.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load what changed in Snowflake (or a file) into the raw tables."""
    with exit_on_error(as_json=as_json, debug=debug):
        check_load_options(
            {"--source": source, "--from-csv": from_csv, "--from-parquet": from_parquet, "--full": full,
             "--reconcile": reconcile, "--dry-run": dry_run}
        )  # fmt: skip
        from python_runner.sources import read_sources, select_sources

        sources = select_sources(read_sources(), source)

        pages = None
        if from_csv or from_parquet:
            from python_runner.ingest.files import open_file

            pages = open_file(sources[0], csv=from_csv, parquet=from_parquet)

        from python_runner.settings import postgres_settings, snowflake_settings

        postgres = postgres_settings()

        from python_runner import refresh
        from python_runner.console import report
        from python_runner.console.progress import progress_listener
        from python_runner.postgres.run_lock import hold_run_lock

        with (
            progress_listener(as_json=as_json) as listener,
            hold_run_lock(postgres, "load", wait=not no_wait, notify=listener.message) as lock,
        ):
            if dry_run:
                with refresh.connect(postgres, snowflake_settings(), listener, lock.check) as connections:
                    previews = refresh.preview_reconcile(connections, sources, listener)
            elif pages is not None:
                loaded = [refresh.load_file(postgres, sources[0], pages, listener, full=full, guard=lock.check)]
            else:
                mode: refresh.LoadMode = "reconcile" if reconcile else "full" if full else "ordinary"
                with refresh.connect(postgres, snowflake_settings(), listener, lock.check) as connections:
                    loaded = refresh.load(connections, sources, listener, mode=mode)
        if dry_run:
            report.print_previews(previews, as_json=as_json)
        else:
            report.print_results(loaded, None, as_json=as_json)


@app.command()
def run(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Fetch everything and rebuild every model.")
    ] = False,
    from_events: Annotated[
        bool,
        typer.Option("--from-events", help="First derive the source tables from the chain's events, on Snowflake."),
    ] = False,
    marts_from_snowflake: Annotated[
        bool,
        typer.Option(
            "--marts-from-snowflake",
            help="Build the published tables on Snowflake, and take over what differs. Nothing else is loaded.",
        ),
    ] = False,
    analytics: Annotated[
        bool,
        typer.Option(
            "--analytics",
            help="Then sync the columnar copy, and verify it after a full refresh; a failure is a warning.",
        ),
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load, then build the models with dbt."""
    with exit_on_error(as_json=as_json, debug=debug):
        from python_runner.settings import postgres_settings, snowflake_settings
        from python_runner.sources import read_sources

        postgres, warehouse, sources = postgres_settings(), snowflake_settings(), list(read_sources().values())
        copied_to = checked_settings() if analytics else None

        from python_runner import refresh
        from python_runner.console import report
        from python_runner.console.progress import progress_listener
        from python_runner.postgres.run_lock import hold_run_lock

        with (
            progress_listener(as_json=as_json) as listener,
            hold_run_lock(postgres, "run", wait=not no_wait, notify=listener.message) as lock,
            refresh.connect(postgres, warehouse, listener, lock.check) as connections,
        ):
            if from_events or marts_from_snowflake:
                from python_runner import warehouse as on_snowflake

                refresh.check_run(postgres)
            if from_events:
                on_snowflake.derive_sources(postgres, connections, listener, full_refresh=full_refresh, lock=lock)
            if marts_from_snowflake:
                moved = on_snowflake.move_marts(postgres, connections, listener, lock=lock)
                report.print_moved(moved.on_snowflake, moved.transferred, moved.on_postgres, as_json=as_json)
                return
            mode: refresh.LoadMode = "full" if full_refresh else "ordinary"
            loaded, built = refresh.run(postgres, connections, sources, listener, mode=mode, lock=lock)
        copied = None
        if copied_to:
            from python_runner.analytics.after_run import sync_after_run

            copied = sync_after_run(copied_to, full_refresh=full_refresh, notify=listener.message)
        report.print_results(loaded, built, copied, as_json=as_json)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="",
)
def dbt(
    arguments: Annotated[list[str], typer.Argument(help="A dbt command with its options.", metavar="ARGS")],
) -> None:
    """Run any dbt command with the connection of DATABASE_URL.

    For example `runner dbt build --select editions_snapshot`. The exit code is that of dbt.
    """
    with exit_on_error(as_json=False, debug=False):
        from python_runner.settings import postgres_settings

        postgres = postgres_settings()

        from python_runner.transform.dbt_build import run_command

        raise typer.Exit(run_command(postgres, arguments, lambda text: typer.echo(text, err=True)))


@app.command()
def status(
    database: Annotated[bool, typer.Option("--database", help="Show diagnostics of the server instead.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show batches, lag, rejects, sizes and the queue."""
    with exit_on_error(as_json=as_json, debug=debug):
        from python_runner.settings import postgres_settings

        postgres = postgres_settings()

        from python_runner.console import report
        from python_runner.ingest.status import read_status
        from python_runner.postgres.diagnostics import run_diagnostics
        from python_runner.postgres.job_list import read_jobs
        from python_runner.postgres.pool import open_pool

        with open_pool(postgres) as pool, pool.transaction() as connection:
            if database:
                report.print_findings(run_diagnostics(connection), as_json=as_json)
                return
            tables = read_status(connection, postgres.dbt_pg_schema)
            tables |= {f"jobs_{state}": rows for state, rows in read_jobs(connection).items()}
        if as_json:
            report.print_json(tables)
        else:
            for title, rows in tables.items():
                report.print_rows(title.replace("_", " "), rows)


@app.command()
def modified(
    state: Annotated[
        Path, typer.Option(help="The folder with production's manifest.json.", exists=True, file_okay=False)
    ],
    target: Annotated[Path, typer.Option(help="The folder with the local manifest.json.")] = PROJECT / "target",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List models for `dbt build --select`.

    These are the models that use a changed macro but that `state:modified` misses.
    """
    with exit_on_error(as_json=as_json, debug=debug):
        from python_runner.console import report
        from python_runner.transform.changed_macros import reached_by_changed_macros, read_manifest

        names = reached_by_changed_macros(read_manifest(target), read_manifest(state))
        if as_json:
            report.print_json(names)
        else:
            typer.echo(" ".join(f"{name}+" for name in names))


app.add_typer(cli_analytics.app, name="analytics")
app.command()(cli_demo.serve)
app.command()(cli_demo.demo)


def main() -> None:
    """Entry point: exit code 0 for success, 1 for failure, 2 for wrong usage."""
    app()
