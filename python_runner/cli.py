"""The `runner` command."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from python_runner import pipeline, report
from python_runner.dbt import Built
from python_runner.errors import RunnerError, UsageError
from python_runner.exclusion import exclusive
from python_runner.load import Loaded
from python_runner.postgres import open_pool, translated
from python_runner.settings import PostgresSettings, postgres_settings, snowflake_settings
from python_runner.sources import pick, read_sources
from python_runner.status import status as read_status


class ScaleName(str, Enum):
    """Sizes of the demo."""

    small = "small"
    full = "full"


app = typer.Typer(
    help="Load Snowflake into Postgres, gently, and build the snapshots with dbt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Fail at once if another load or build is running.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def load(
    source: Annotated[str | None, typer.Option(help="Load this source alone.")] = None,
    from_csv: Annotated[
        Path | None,
        typer.Option(help="Read the source from a CSV file (.gz too).", exists=True, dir_okay=False, readable=True),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch everything, and apply it as a difference.")] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load what changed in Snowflake (or a CSV file) into the raw tables."""
    with _handled(as_json=as_json, debug=debug):
        postgres, chosen = postgres_settings(), pick(read_sources(), source)
        if from_csv and not source:
            raise UsageError("--from-csv needs --source: say which table the file holds")
        with report.progress(visible=not as_json) as bar, _exclusive(postgres, "load", bar, no_wait=no_wait):
            if from_csv:
                loaded = [pipeline.load_file(postgres, chosen[0], from_csv, bar, full=full)]
            else:
                loaded = pipeline.load(postgres, snowflake_settings(), chosen, bar, full=full)
        _print(loaded, None, as_json=as_json)


@app.command()
def run(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Fetch everything and rebuild every model.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load, then build the models with dbt."""
    with _handled(as_json=as_json, debug=debug):
        postgres, warehouse, sources = (
            postgres_settings(),
            snowflake_settings(),
            list(read_sources().values()),
        )
        with report.progress(visible=not as_json) as bar, _exclusive(postgres, "run", bar, no_wait=no_wait):
            loaded = pipeline.load(postgres, warehouse, sources, bar, full=full_refresh)
            built = pipeline.build(postgres, bar, full_refresh=full_refresh)
        _print(loaded, built, as_json=as_json)


@app.command()
def status(as_json: Json = False, debug: Debug = False) -> None:
    """Show batches, lag, rejects and sizes."""
    with _handled(as_json=as_json, debug=debug):
        postgres = postgres_settings()
        with open_pool(postgres) as pool, translated(), pool.connection() as connection:
            found = read_status(connection, postgres.dbt_pg_schema)
        if as_json:
            report.print_json(found)
        else:
            for title, rows in found.items():
                report.print_rows(title, rows)


@app.command()
def demo(
    scale: Annotated[ScaleName, typer.Option(help="100,000 moments, or the 9.54 million of the real collection.")] = (
        ScaleName.small
    ),
    psql: Annotated[bool, typer.Option("--psql", help="Open psql on the demo's database.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the demo's servers and remove their data.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the main job on this machine: real servers, a first load, a day of changes, a refresh."""
    with _handled(as_json=as_json, debug=debug):
        try:
            from python_runner.demo import sample, story  # noqa: PLC0415  the servers are an extra
        except ImportError as error:
            raise UsageError(f"the demo needs {error.name}: pip install 'collectibles-snapshots[demo]'") from error
        if stop:
            story.stop()
        elif psql:
            story.psql()
        else:
            with report.progress(visible=not as_json) as bar:
                told = story.demo({"small": sample.SMALL, "full": sample.FULL}[scale.value], bar)
            if as_json:
                report.print_json(told)
            else:
                story.print_story(told)


def main() -> None:
    """Entry point: exit code 0 ok, 1 failed, 2 wrong usage."""
    app()


@contextmanager
def _handled(*, as_json: bool, debug: bool) -> Iterator[None]:
    try:
        yield
    except RunnerError as error:
        if debug:
            traceback.print_exc()
        if as_json:
            report.print_json({"error": str(error)})
        report.errors.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
    except KeyboardInterrupt:
        report.errors.print("stopped: nothing of the unfinished load was applied; run the command again to continue")
        raise typer.Exit(1) from None


def _exclusive(postgres: PostgresSettings, what: str, bar: Progress, *, no_wait: bool) -> AbstractContextManager[None]:
    return exclusive(postgres, what, wait=not no_wait, say=bar.console.print)


def _print(loaded: list[Loaded], built: Built | None, *, as_json: bool) -> None:
    if as_json:
        report.print_json({"loaded": loaded, "built": built})
        return
    report.print_loads(loaded)
    if built:
        report.print_build(built)
