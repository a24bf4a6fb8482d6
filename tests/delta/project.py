"""The dbt project as the tests run it: in this process, parsed once for a database name that stays the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from dbt.cli.main import dbtRunner
from psycopg.sql import SQL, Identifier

from python_runner.ingest import load_plan
from python_runner.ingest.apply import apply
from python_runner.ingest.batches import Batch
from python_runner.ingest.load_plan import StagedCounts
from python_runner.postgres import raw_schema
from python_runner.project import DECLARATION, PROJECT
from python_runner.settings import PostgresSettings
from python_runner.sources import read_sources
from tests.roles import as_role, name_of

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT_NAME = "collectibles"
SOURCES = read_sources()
CHANGELOGS = ("int_wallet_editions", "int_editions", "int_wallet_facts")
SNAPSHOTS = (
    "wallet_summary_snapshot",
    "top_wallets_snapshot",
    "top_wallets_by_team_snapshot",
    "top_wallets_by_tier_snapshot",
    "top_wallets_by_value_snapshot",
    "editions_snapshot",
    "explorer_filters_snapshot",
)
MODELS = CHANGELOGS + SNAPSHOTS

Connection = psycopg.Connection[Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What one dbt run did: the status of every model, its words on failures and on rebuilds."""

    status: dict[str, str]
    errors: dict[str, str]
    rebuilt: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """Models that did not end well, nor were skipped."""
        return list(self.errors)

    @property
    def ok(self) -> bool:
        """Whether every model ended well, and every test."""
        return set(self.status.values()) - {"pass"} == {"success"}


@dataclass
class Project:
    """The project on one database, whose content may change under it."""

    url: str
    folder: Path
    schema: str = "public"
    home: Path = PROJECT
    manifest: Manifest | None = field(default=None, repr=False)

    def prepare(self) -> None:
        """What does not change between histories: raw tables, the seed, the views."""
        with psycopg.connect(as_role(self.url)) as connection:
            self.create_raw_tables(connection)
        if not self.manifest:
            self.parse()
        self.seed()
        assert self.run("staging").ok

    def seed(self) -> None:
        """`dbt seed`."""
        outcome = self._invoke("seed")
        assert outcome.success, outcome.exception or "\n".join(
            str(result.message) for result in outcome.result.results if result.status == "error"
        )

    def create_raw_tables(self, connection: Connection) -> None:
        """The raw tables that are declared, as every load makes them."""
        declared = read_sources(self.home / DECLARATION.relative_to(PROJECT))
        raw_schema.create_tables(connection, list(declared.values()))

    def parse(self) -> None:
        """Read the project once, as it is now, for this database and schema."""
        self.manifest = None
        self.manifest = self._invoke("parse").result

    @property
    def written_manifest(self) -> dict[str, Any]:
        """What dbt writes to manifest.json."""
        assert self.manifest
        return dict(self.manifest.writable_manifest().to_dict(omit_none=False))

    def run(
        self,
        *models: str,
        full_refresh: bool = False,
        rebuild_share: float = 1e9,
        compact_share: float = 1e9,
        defer_to: Project | None = None,
        command: str = "run",
        flags: Iterable[str] = (),
    ) -> Run:
        """`dbt run` of these models, of all that hold data by default; a rebuild only where it must be.

        `dbt build` adds the seeds and the tests, to all models by default.
        """
        said: dict[str, str] = {}

        def listen(event: Any) -> None:
            message = str(getattr(event.data, "msg", ""))
            if " is rebuilt: " in message:
                relation, reason = message.split(" is rebuilt: ")
                said[relation.split(".")[-1].strip('"')] = reason

        arguments = [
            "--select",
            *(models or (("intermediate", "marts") if command == "run" else ("*",))),
            "--vars",
            f"{{rebuild_share: {rebuild_share}, compact_share: {compact_share}}}",
            *flags,
        ]
        if full_refresh:
            arguments += ["--full-refresh"]
        if defer_to and defer_to.manifest:  # as `make slim`
            defer_to.manifest.writable_manifest().write(str(self.folder / "manifest.json"))
            arguments += ["--defer", "--state", str(self.folder), "--warn-error-options", "{}"]
        outcome = self._invoke(command, *arguments, listen=listen)
        if outcome.exception:
            raise outcome.exception
        results = outcome.result.results
        return Run(
            status={result.node.name: str(result.status) for result in results},
            errors={result.node.name: str(result.message) for result in results if result.status in {"error", "fail"}},
            rebuilt=said,
        )

    def operate(self, macro: str, **arguments: str) -> None:
        """Run an operation."""
        said: list[str] = []
        ran = self._invoke(
            "run-operation", macro, "--args", json.dumps(arguments), listen=lambda event: said.append(event.info.msg)
        )
        assert ran.success, "\n".join(said)

    def compile(self, *select: str, **variables: str | bool) -> Path:
        """The folder with the SQL of what is selected, by its path in the project."""
        outcome = self._invoke("compile", "--select", *select, "--vars", json.dumps(variables))
        assert outcome.success, outcome.exception
        return self.folder / "target" / "compiled" / PROJECT_NAME

    def _invoke(self, command: str, *arguments: str, listen: Any = lambda _event: None) -> Any:
        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-use-colors"]
        folders = ["--project-dir", self.home, "--profiles-dir", self.folder, "--target-path", self.folder / "target"]
        runner = dbtRunner(manifest=self.manifest, callbacks=[listen])
        # dbt reads the source of every frame that calls it, several times a command: a thread of its own has few.
        with self._environment(), ThreadPoolExecutor(1) as thread:
            return thread.submit(runner.invoke, [*flags, command, *map(str, folders), *arguments]).result()

    @contextmanager
    def _environment(self) -> Iterator[None]:
        profile = self.folder / "profiles.yml"
        if not profile.exists():
            profile.write_text((PROJECT / "profiles.yml.example").read_text())
        settings = PostgresSettings(database_url=as_role(self.url), _env_file=None)  # type: ignore[arg-type,call-arg]
        before = dict(os.environ)
        os.environ.update(settings.for_dbt() | {"DBT_PG_SCHEMA": self.schema})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def copy_project(folder: Path) -> Path:
    """The project's files in a folder of their own, in which they may be changed."""
    for name in ("analyses", "macros", "models", "seeds", "tests"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in ("dbt_project.yml", ".dbtignore"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def load(connection: Connection, name: str, rows: Iterable[Row], *, whole: bool) -> Batch:
    """Stage these rows and apply them in one transaction, as the loader does once it has fetched them."""
    source = SOURCES[name]
    with connection.transaction():
        connection.execute(SQL("set local role {}").format(Identifier(name_of("builder"))))
        planned = load_plan.begin(connection, source, "test")
        columns = SQL(", ").join(map(Identifier, source.column_names))
        with connection.cursor().copy(
            SQL("copy {stage} ({columns}) from stdin").format(stage=raw_schema.stage(source), columns=columns)
        ) as copy:
            for row in rows:
                copy.write_row([row.get(column) for column in source.column_names])
        return apply_stage(connection, planned, whole=whole)


def apply_stage(connection: Connection, planned: load_plan.Plan, *, whole: bool) -> Batch:
    """Apply what is staged, however it came there."""
    source = planned.source
    row = connection.execute(SQL("select count(*) from {}").format(raw_schema.stage(source))).fetchone()
    assert row is not None
    mode = "full" if whole else "incremental"
    batch = apply(connection, source, StagedCounts(row[0]), mode=mode, whole=whole, started_at=planned.started_at)
    load_plan.abandon(connection, planned)
    return batch
