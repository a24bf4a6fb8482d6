"""The `runner` command."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from python_runner import pipeline, report
from python_runner.dbt import Built
from python_runner.errors import RunnerError, UsageError
from python_runner.exclusion import RunLock, exclusive
from python_runner.files import read_csv, read_parquet
from python_runner.load import Loaded
from python_runner.modified import reached_by_changed_macros, read_manifest
from python_runner.monitoring import monitor
from python_runner.postgres import open_pool
from python_runner.progress import Lines, Narrator, errors, narrator
from python_runner.settings import PostgresSettings, postgres_settings, snowflake_settings
from python_runner.sources import PROJECT, pick, read_sources
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

EXCLUDE_EACH_OTHER = (
    ("--full", "--reconcile"),
    ("--from-csv", "--from-parquet"),
    ("--from-csv", "--reconcile"),
    ("--from-parquet", "--reconcile"),
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; what happens, as JSON lines on stderr.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Fail at once if another load or build is running.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def load(
    source: Annotated[str | None, typer.Option(help="Load this source alone.")] = None,
    from_csv: Annotated[
        Path | None,
        typer.Option(help="Read the source from a CSV file (.gz too).", exists=True, dir_okay=False, readable=True),
    ] = None,
    from_parquet: Annotated[
        Path | None,
        typer.Option(help="Read the source from a Parquet file.", exists=True, dir_okay=False, readable=True),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch everything, and apply it as a difference.")] = False,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Compare checksums with Snowflake, and repair what differs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --reconcile: show what would change, and change nothing.")
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Load what changed in Snowflake (or a file) into the raw tables."""
    with _handled(as_json=as_json, debug=debug):
        postgres, chosen = postgres_settings(), pick(read_sources(), source)
        _check(
            {"--source": source, "--from-csv": from_csv, "--from-parquet": from_parquet, "--full": full,
             "--reconcile": reconcile, "--dry-run": dry_run}
        )  # fmt: skip
        with narrator(as_json=as_json) as told, _exclusive(postgres, "load", told, no_wait=no_wait) as lock:
            if dry_run:
                previews = pipeline.preview_reconcile(postgres, snowflake_settings(), chosen, told, guard=lock.check)
            elif from_csv:
                pages = read_csv(from_csv, chosen[0])
                loaded = [pipeline.load_file(postgres, chosen[0], pages, told, full=full, guard=lock.check)]
            elif from_parquet:
                pages = read_parquet(from_parquet, chosen[0])
                loaded = [pipeline.load_file(postgres, chosen[0], pages, told, full=full, guard=lock.check)]
            else:
                how: pipeline.How = "reconcile" if reconcile else "full" if full else "ordinary"
                loaded = pipeline.load(postgres, snowflake_settings(), chosen, told, how=how, guard=lock.check)
        if dry_run:
            report.print_previews(previews, as_json=as_json)
        else:
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
        with narrator(as_json=as_json) as told, _exclusive(postgres, "run", told, no_wait=no_wait) as lock:
            how: pipeline.How = "full" if full_refresh else "ordinary"
            loaded = pipeline.load(postgres, warehouse, sources, told, how=how, guard=lock.check)
            built = pipeline.build(postgres, told, full_refresh=full_refresh, guard=lock.check)
        _print(loaded, built, as_json=as_json)


@app.command()
def status(
    database: Annotated[bool, typer.Option("--database", help="Show how the server fares instead.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show batches, lag, rejects and sizes."""
    with _handled(as_json=as_json, debug=debug):
        postgres = postgres_settings()
        with open_pool(postgres) as pool, pool.transaction() as connection:
            if database:
                report.print_findings(monitor(connection), as_json=as_json)
                return
            found = read_status(connection, postgres.dbt_pg_schema)
        if as_json:
            report.print_json(found)
        else:
            for title, rows in found.items():
                report.print_rows(title, rows)


@app.command()
def modified(
    state: Annotated[
        Path, typer.Option(help="The folder of production's manifest.json.", exists=True, file_okay=False)
    ],
    target: Annotated[Path, typer.Option(help="The folder of the one that dbt has made here.")] = PROJECT / "target",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Name the models that a changed macro reaches unseen by `state:modified`, for `dbt build --select`."""
    with _handled(as_json=as_json, debug=debug):
        names = reached_by_changed_macros(read_manifest(target), read_manifest(state))
        if as_json:
            report.print_json(names)
        else:
            typer.echo(" ".join(f"{name}+" for name in names))


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
            with narrator(as_json=as_json) as told:
                happened = story.demo({"small": sample.SMALL, "full": sample.FULL}[scale.value], told)
            if as_json:
                report.print_json(happened)
            else:
                story.print_story(happened)


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
            Lines().tell("error", text=str(error))
        else:
            errors.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
    except KeyboardInterrupt:
        errors.print("stopped: nothing of the unfinished load was applied; run the command again to continue")
        raise typer.Exit(1) from None


def _check(given: dict[str, object]) -> None:
    """UsageError where options need or exclude each other."""
    for one, other in EXCLUDE_EACH_OTHER:
        if given[one] and given[other]:
            raise UsageError(f"{one} and {other} exclude each other: choose one")
    if given["--dry-run"] and not given["--reconcile"]:
        raise UsageError("--dry-run needs --reconcile: another load knows what changes only when it has fetched it")
    if (given["--from-csv"] or given["--from-parquet"]) and not given["--source"]:
        raise UsageError("a file needs --source: say which table it holds")


def _exclusive(
    postgres: PostgresSettings, what: str, told: Narrator, *, no_wait: bool
) -> AbstractContextManager[RunLock]:
    def say(text: str) -> None:
        told.tell("message", text=text)

    return exclusive(postgres, what, wait=not no_wait, say=say)


def _print(loaded: list[Loaded], built: Built | None, *, as_json: bool) -> None:
    if as_json:
        report.print_json({"loaded": loaded, "built": built})
        return
    report.print_loads(loaded)
    if built:
        report.print_build(built)
