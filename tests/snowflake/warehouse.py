"""The project on a stand-in for Snowflake: real dbt-snowflake over HTTP, bounded in time."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import snowflake.connector
from dbt.cli.main import dbtRunner

from python_runner.demo.stand_in import StandIn
from python_runner.project import PROJECT

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

LIMIT_S = 300  # dbt repeats for ever what the server does not answer
VARS = "{chain_range_blocks: 10}"  # several ranges in a short history

Row = dict[str, Any]


@dataclass
class Warehouse:
    """A stand-in, and dbt that is parsed once for it."""

    server: StandIn
    folder: Path
    manifest: Manifest | None = field(default=None, repr=False)

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run the statements, and return the rows of the last."""
        with closing(snowflake.connector.connect(**self.server.connect_args)) as connection:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                rows = list(connection.cursor().execute(statement))  # type: ignore[arg-type]
            return rows

    def rows(self, table: str) -> list[Row]:
        """The rows of a table, with lower-case names."""
        with closing(snowflake.connector.connect(**self.server.connect_args)) as connection:
            cursor = connection.cursor().execute(f"select * from {table}")
            assert cursor is not None
            names = [column.name.lower() for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def dbt(self, *arguments: str, listen: Callable[[Any], None] = lambda _: None) -> Any:
        """Run a dbt command on target snowflake. It must succeed."""
        if self.manifest is None:
            self.manifest = self._invoke("parse").result
        outcome = self._invoke(*arguments, listen=listen)
        if outcome.exception:
            raise outcome.exception
        failed = {r.node.name: r.message for r in outcome.result.results if r.status in {"error", "fail"}}
        assert outcome.success, failed
        return outcome.result

    def _invoke(self, command: str, *arguments: str, listen: Callable[[Any], None] = lambda _: None) -> Any:
        (self.folder / "profiles.yml").write_text((PROJECT / "profiles.yml.example").read_text())
        folders = ["--project-dir", PROJECT, "--profiles-dir", self.folder, "--target-path", self.folder / "target"]
        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-use-colors"]
        with bounded(), self._environment():
            return dbtRunner(manifest=self.manifest, callbacks=[listen]).invoke(
                [*flags, command, "--target", "snowflake", "--vars", VARS, *map(str, folders), *arguments]
            )

    @contextmanager
    def _environment(self) -> Iterator[None]:
        before = dict(os.environ)
        os.environ.update(self.server.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def bounded(seconds: int = LIMIT_S) -> Iterator[None]:
    """TimeoutError when the time is up."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"dbt has not ended after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
