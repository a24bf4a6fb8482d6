"""The `runner analytics` commands."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from python_runner.analytics import checked_copy, checked_settings
from python_runner.cli_common import Debug, Json, exit_on_error
from python_runner.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Keep a columnar copy of the changelogs in files, and ask it questions.")


@app.command()
def sync(
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Begin a new history; the old one stays until the next one begins.")
    ] = False,
    moved: Annotated[
        bool, typer.Option("--moved", help="Go on although the database is on another server, or has another name.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Append what the changelogs gained since the last sync."""
    with exit_on_error(as_json=as_json, debug=debug):
        settings = checked_settings()

        from python_runner.analytics import sync as syncing
        from python_runner.console import report
        from python_runner.console.progress import progress_listener

        with progress_listener(as_json=as_json) as listener:
            synced = syncing.sync(settings, from_scratch=from_scratch, moved=moved, notify=listener.message)
        if as_json:
            report.print_json(synced)
            return
        report.print_sync(synced)


@app.command()
def verify(as_json: Json = False, debug: Debug = False) -> None:
    """Compare the copy with Postgres; exit with 1 if they differ."""
    with exit_on_error(as_json=as_json, debug=debug):
        settings = checked_settings()

        from python_runner.analytics import sync as syncing
        from python_runner.console import report
        from python_runner.console.progress import progress_listener

        with progress_listener(as_json=as_json) as listener:
            verified = syncing.verify(settings, notify=listener.message)
        if as_json:
            report.print_json(verified)
        else:
            for name, reason in verified.skipped.items():
                typer.echo(f"{name} was not compared: {reason}")
            for name, rows in verified.first.items():
                if rows:
                    report.print_rows(f"{name}: Postgres less the copy, {verified.rows[name]:,} rows", rows)
        verified.check()
        if not as_json:
            typer.echo(f"refresh {verified.refresh} equals Postgres ({verified.seconds:.2f} s)")


@app.command()
def query(
    file: Annotated[str, typer.Argument(help="A file with SQL, or - for standard input.")],
    var: Annotated[list[str] | None, typer.Option(help="A value for `var` in the SQL, as name=value.")] = None,
    upto: Annotated[int | None, typer.Option(help="Answer as of this refresh.", min=1)] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer a question from the copy, for example analyses/analytics/gini_by_tier.sql."""
    with exit_on_error(as_json=as_json, debug=debug):
        question = _read(file)
        variables = dict(_pair(one) for one in var or ())
        settings = checked_copy()

        from python_runner.analytics import query as querying
        from python_runner.console import report

        answer = querying.query(settings, question, variables, upto)
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        if as_json:
            finite = [{name: _finite(value) for name, value in row.items()} for row in rows]
            report.print_json({"refresh": answer.refresh, "rows": finite})
        else:
            report.print_rows(f"as of refresh {answer.refresh}", rows)


@app.command()
def compact(
    older_than: Annotated[str, typer.Option(help="Merge refreshes that are older than so many days: 90d.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Merge old refreshes to one a day."""
    with exit_on_error(as_json=as_json, debug=debug):
        days = re.fullmatch("([0-9]{1,5})d?", older_than)
        if not days:
            raise UsageError(f"--older-than {older_than}: expected a number of days, such as 90d")
        settings = checked_copy()

        from python_runner.analytics import compact as compacting
        from python_runner.console import report
        from python_runner.console.progress import progress_listener

        with progress_listener(as_json=as_json) as listener:
            compacted = compacting.compact(settings, days=int(days[1]), notify=listener.message)
        if as_json:
            report.print_json(compacted)
        else:
            typer.echo(f"{compacted.after:,} of {compacted.before:,} refreshes are left")


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error


def _finite(value: Any) -> Any:
    """The value, or None for a number that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pair(given: str) -> tuple[str, str]:
    name, separator, value = given.partition("=")
    if not separator:
        raise UsageError(f"--var {given}: expected name=value")
    return name, value
