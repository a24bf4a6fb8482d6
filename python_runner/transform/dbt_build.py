"""Runs dbt in this process, with a profile derived from DATABASE_URL."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import psycopg

from python_runner.errors import postgres_error
from python_runner.project import PROJECT
from python_runner.settings import REMEDIES, PostgresSettings
from python_runner.transform.dbt_profile import profiles

OnNode = Callable[[str, int | None], None]
NOTHING_BUILT = ("operation", "exposure")
MAINTENANCE = "maintenance: "
FAILED = ("error", "fail", "runtime error")


@dataclass(frozen=True)
class BuildResult:
    """The result of one dbt command."""

    seconds: float
    nodes: dict[str, int]
    slowest: dict[str, float]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ParsedProject:
    """The project as dbt has parsed it, so that the next command does not parse it again."""

    manifest: Any


def parse(settings: PostgresSettings) -> ParsedProject:
    """Parse the project. RunnerError says what cannot be parsed."""
    return ParsedProject(_invoke(settings, "parse").result)


def build(
    settings: PostgresSettings,
    *arguments: str,
    on_node: OnNode = lambda _name, _total: None,
    lock_pid: int | None = None,
    parsed: ParsedProject | None = None,
) -> BuildResult:
    """Run `dbt build` with the given arguments. RunnerError names the first node that failed, and why.

    With `lock_pid`, a node fails once that server process no longer holds the run lock: see macros/check_run_lock.sql.
    """
    started = perf_counter()
    outcome = _invoke(settings, "build", *arguments, on_node=on_node, lock_pid=lock_pid, parsed=parsed)
    results = list(getattr(outcome.result, "results", []))
    failures = [r for r in results if r.status in FAILED]
    if failures or not outcome.success:
        raise postgres_error(_explain(failures))
    return BuildResult(
        seconds=perf_counter() - started,
        nodes=dict(Counter(kind for r in results if (kind := str(r.node.resource_type)) not in NOTHING_BUILT)),
        slowest={r.node.name: round(r.execution_time, 3) for r in sorted(results, key=lambda r: -r.execution_time)[:5]},
        warnings=[f"{r.node.name}: {_one_line(r.message)}" for r in results if r.status == "warn"],
    )


def run_operation(settings: PostgresSettings, macro: str, *, parsed: ParsedProject | None = None) -> None:
    """Run a macro as `dbt run-operation` does. RunnerError says why it failed."""
    outcome = _invoke(settings, "run-operation", macro, parsed=parsed)
    if not outcome.success:
        results = list(getattr(outcome.result, "results", []))
        raise postgres_error(f"dbt: {macro} failed: {_one_line(results[0].message if results else 'no message')}")


def _invoke(
    settings: PostgresSettings,
    command: str,
    *arguments: str,
    on_node: OnNode = lambda _name, _total: None,
    lock_pid: int | None = None,
    parsed: ParsedProject | None = None,
) -> Any:
    """The result of a dbt command. RunnerError if it raised an exception."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  importing dbt takes seconds

    events = _EventHandler(on_node)
    flags = ["--quiet", "--log-level", "none", "--no-use-colors"]
    # Writing the manifest again takes half a second.
    manifest, unwritten = (parsed.manifest, ["--no-write-json"]) if parsed else (None, [])
    with profiles(settings) as folder:
        os.environ["RUN_LOCK_PID"] = str(lock_pid or "")
        place = ["--project-dir", str(PROJECT), "--profiles-dir", str(folder)]
        runner = dbtRunner(manifest=manifest, callbacks=[events.handle])
        outcome = runner.invoke([*flags, command, *place, *unwritten, *arguments])
    if outcome.exception:
        _maintain(settings, events.maintenance)
        raise postgres_error(f"dbt: {_one_line(outcome.exception)}") from outcome.exception
    return outcome


def run_command(settings: PostgresSettings, arguments: list[str], notify: Callable[[str], None]) -> int:
    """Run any dbt command as `dbt` does; `notify` of a time limit that stopped it. Returns its exit code."""
    from dbt.cli.main import cli  # noqa: PLC0415  importing dbt takes seconds

    remedies: dict[str, None] = {}

    def handle(event: Any) -> None:
        remedies.update(dict.fromkeys(_remedies(event.info.msg)))

    with profiles(settings) as folder:
        os.environ.setdefault("DBT_PROFILES_DIR", str(folder))
        os.environ.setdefault("DBT_PROJECT_DIR", str(PROJECT))
        try:
            cli.main(arguments, prog_name="runner dbt", obj={"callbacks": [handle]})
        except SystemExit as ended:
            for remedy in remedies:
                notify(f"a time limit has stopped a statement: {remedy}")
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


class _EventHandler:
    """Handles the events that dbt fires while it runs."""

    def __init__(self, on_node: OnNode) -> None:
        self.on_node = on_node
        self.maintenance: list[str] = []

    def handle(self, event: Any) -> None:
        if event.info.name == "NodeFinished":
            self.on_node(event.data.node_info.node_name, None)
        elif event.info.name == "LogStartLine":
            self.on_node("", event.data.total)
        elif event.info.name == "JinjaLogDebug" and event.info.msg.startswith(MAINTENANCE):
            self.maintenance = json.loads(event.info.msg.removeprefix(MAINTENANCE))


def _maintain(settings: PostgresSettings, statements: list[str]) -> None:
    """Run the maintenance statements. dbt stops at the first VACUUM that fails; this runs the others."""
    if not statements:
        return
    # The error of dbt is the one to report.
    with suppress(psycopg.Error), psycopg.connect(settings.conninfo, autocommit=True) as connection:
        connection.execute("set statement_timeout = 0")
        for statement in statements:
            with suppress(psycopg.Error):
                connection.execute(statement.encode())


def _explain(failures: list[Any]) -> str:
    if not failures:
        return "dbt failed without naming a node: run `dbt build` to see its log"
    first = failures[0]
    others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    kept = f"; the rows are in {first.node.relation_name}" if first.node.config.get("store_failures") else ""
    return f"dbt: {first.node.name}{others} failed: {_one_line(first.message)}{kept}"


def _one_line(message: object) -> str:
    return ": ".join([" ".join(str(message).split())[:400], *_remedies(str(message))])


def _remedies(message: str) -> list[str]:
    return [remedy for limit, remedy in REMEDIES.items() if f"due to {limit} timeout" in message]
