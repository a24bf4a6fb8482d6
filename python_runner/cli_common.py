"""What the commands share: common options, checks of options, and exit codes."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from python_runner.console import report
from python_runner.console.progress import Lines, errors
from python_runner.errors import RunnerError, UsageError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; what happens, as JSON lines on stderr.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Fail at once if another load or build is running.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

EXCLUDE_EACH_OTHER = (
    ("--full", "--reconcile"),
    ("--from-csv", "--from-parquet"),
    ("--from-csv", "--reconcile"),
    ("--from-parquet", "--reconcile"),
)


@contextmanager
def exit_on_error(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Print a RunnerError as one line and exit with 1, or with 2 for a UsageError."""
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


def check_load_options(given: dict[str, object]) -> None:
    """UsageError where options need or exclude each other."""
    for one, other in EXCLUDE_EACH_OTHER:
        if given[one] and given[other]:
            raise UsageError(f"{one} and {other} exclude each other: choose one")
    if given["--dry-run"] and not given["--reconcile"]:
        raise UsageError("--dry-run needs --reconcile: another load knows what changes only when it has fetched it")
    if (given["--from-csv"] or given["--from-parquet"]) and not given["--source"]:
        raise UsageError("a file needs --source: say which table it holds")
