"""The `runner demo` command."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import Annotated

import typer

from python_runner.cli_common import Debug, Json, exit_on_error
from python_runner.errors import UsageError


class ScaleName(StrEnum):
    """Sizes of the demo."""

    small = "small"
    full = "full"


def demo(
    scale: Annotated[
        ScaleName, typer.Option(help="100,000 moments, or the 9.54 million of the real collection.")
    ] = ScaleName.small,
    psql: Annotated[bool, typer.Option("--psql", help="Open psql on the demo's database.")] = False,
    env: Annotated[
        bool, typer.Option("--env", help="Print the variables that connect other commands to the demo, for `eval`.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the demo's servers and remove their data.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run everything on this machine.

    Starts real servers, runs a first load, simulates a day of changes, and runs a refresh.
    """
    with exit_on_error(as_json=as_json, debug=debug):
        from python_runner.console import report
        from python_runner.console.progress import progress_listener

        try:
            from python_runner.demo import sample, story
        except ImportError as error:
            raise UsageError(f"the demo needs {error.name}: run `make .venv/.ready`") from error
        if stop:
            story.stop()
        elif psql:
            story.psql()
        elif env:
            for name, value in story.environment().items():
                typer.echo(f"export {name}={shlex.quote(value)}")
        else:
            with progress_listener(as_json=as_json) as listener:
                result = story.demo({"small": sample.SMALL, "full": sample.FULL}[scale.value], listener)
            if as_json:
                report.print_json(result)
            else:
                story.print_story(result)
