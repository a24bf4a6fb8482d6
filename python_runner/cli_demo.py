"""The commands that show the data: `runner serve` and `runner demo`."""

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


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1)] = 1,
    debug: Debug = False,
) -> None:
    """Serve the read API under /v1, with its description under /docs."""
    with exit_on_error(as_json=False, debug=debug):
        from python_runner.settings import api_settings, postgres_settings

        postgres_settings()
        api_settings().pool_size(workers)

        try:
            from python_runner.api.serve import serve as serve_api
        except ImportError as error:
            raise UsageError(f"the API needs {error.name}: install the extra `api`") from error
        serve_api(host, port, workers)


def demo(
    scale: Annotated[
        ScaleName, typer.Option(help="100,000 moments, or the 9.54 million of the real collection.")
    ] = ScaleName.small,
    psql: Annotated[bool, typer.Option("--psql", help="Open psql on the demo's database.")] = False,
    env: Annotated[
        bool, typer.Option("--env", help="Print the variables that connect other commands to the demo, for `eval`.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the demo's servers and remove their data.")] = False,
    up: Annotated[
        bool, typer.Option("--up", help="Serve the demo's data and refresh it every minute, while it changes.")
    ] = False,
    down: Annotated[bool, typer.Option("--down", help="Stop the demo's servers and keep their data.")] = False,
    from_events: Annotated[
        bool,
        typer.Option(
            "--from-events", help="Begin with the events of the chain, from which dbt derives the source tables."
        ),
    ] = False,
    port: Annotated[int, typer.Option(help="With --up: the port of the API.", min=1, max=65535)] = 8000,
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
            from python_runner.demo import sample, serving, story
        except ImportError as error:
            raise UsageError(f"the demo needs {error.name}: run `make .venv/.ready`") from error
        size = {"small": sample.SMALL, "full": sample.FULL}[scale.value]
        if psql:
            story.psql()
        elif env:
            for name, value in story.environment().items():
                typer.echo(f"export {name}={shlex.quote(value)}")
        else:
            with story.alone(lambda text: typer.echo(text, err=True)):
                if stop or down:
                    story.stop(remove=stop)
                    return
                with progress_listener(as_json=as_json) as listener:
                    if up:
                        url, started = serving.up(size, port, listener)
                    else:
                        result = story.demo(size, listener, from_events=from_events)
            if up:
                typer.echo(f"{'open' if started else 'it is up:'} {url}")
            elif as_json:
                report.print_json(result)
            else:
                story.print_story(result)
