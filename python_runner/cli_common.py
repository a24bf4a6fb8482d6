"""What the commands share: common options, checks of options, and exit codes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from python_runner.errors import RunnerError, UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and progress as JSON lines on stderr.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Fail at once if another load or build is running.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

EXCLUSIVE_OPTIONS = (
    ("--full", "--reconcile"),
    ("--from-csv", "--from-parquet"),
    ("--from-csv", "--reconcile"),
    ("--from-parquet", "--reconcile"),
)


@contextmanager
def exit_on_error(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Print a RunnerError as one line and exit with code 1, or code 2 for a UsageError."""
    try:
        yield
    except RunnerError as error:
        if debug:
            traceback.print_exc()
        if as_json:
            from python_runner.console import progress, report

            report.print_json({"error": str(error)})
            progress.JsonLines().emit("error", text=str(error))
        else:
            typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error
    except KeyboardInterrupt:
        typer.echo("stopped: the unfinished load changed nothing; run the command again to resume it", err=True)
        raise typer.Exit(1) from None


def check_load_options(given: dict[str, object]) -> None:
    """UsageError if an option conflicts with another one, or needs one that is missing."""
    for one, other in EXCLUSIVE_OPTIONS:
        if given[one] and given[other]:
            raise UsageError(f"{one} and {other} exclude each other: choose one")
    if given["--dry-run"] and not given["--reconcile"]:
        raise UsageError("--dry-run needs --reconcile: other loads know what changes only after fetching it")
    if (given["--from-csv"] or given["--from-parquet"]) and not given["--source"]:
        raise UsageError("a file needs --source: name the source that the file contains")
