"""A second dbt project that installs the tuning macros, on a database of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.settings import PostgresSettings
from python_runner.sources import PROJECT
from tests.delta.conftest import workshop

__all__ = ["workshop"]  # the project itself, on a database of its own

Connection = psycopg.Connection[Any]
OTHER_PROJECT = Path(__file__).parent / "other_project"


@dataclass(frozen=True)
class Ran:
    """What became of each node, and what dbt said."""

    status: dict[str, str]
    errors: list[str]
    warnings: list[str]
    said: list[str]


@dataclass(frozen=True)
class Bookshop:
    """The project in a folder where its models may be changed."""

    folder: Path
    url: str

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """The project that dbt works on, in the folder where dbt deps puts its packages."""
        settings = PostgresSettings(database_url=self.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        environment = settings.for_dbt() | {
            "TUNING_PACKAGE": str(PROJECT / "macros" / "tuning"),
            "DBT_TARGET_PATH": str(self.folder / "target"),  # or it is where other tests have theirs
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in environment.items():
                patch.setenv(name, value)
            yield

    def write(self, model: str, sql: str) -> None:
        """Add a model, or change one."""
        (self.folder / "models" / f"{model}.sql").write_text(sql)

    def dbt(self, command: str, *arguments: str) -> Ran:
        """Run a command."""
        said: list[str] = []
        warnings: list[str] = []

        def listen(event: Any) -> None:
            (warnings if event.info.level == "warn" else said).append(event.info.msg)

        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
        folders = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        outcome = dbtRunner(callbacks=[listen]).invoke([*flags, command, *folders, *arguments])
        results = [r for r in getattr(outcome.result, "results", []) if hasattr(r, "node")]
        errors = [str(outcome.exception)] if outcome.exception else []
        errors += said[-1:] if not outcome.success and not errors and not results else []
        errors += [str(result.message) for result in results if str(result.status) in {"error", "fail"}]
        return Ran({result.node.name: str(result.status) for result in results}, errors, warnings, said)


@pytest.fixture(scope="session")
def installed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Bookshop:
    """With its package, in a folder and for a database whose names stay: dbt parses again what changes alone."""
    name = f"shop_{uuid.uuid4().hex[:12]}"
    shop = Bookshop(tmp_path_factory.mktemp("bookshop"), make_conninfo(server_url, dbname=name))
    for file in ("dbt_project.yml", "packages.yml", "profiles.yml"):
        shutil.copy(OTHER_PROJECT / file, shop.folder)
    with shop.chosen():
        assert not shop.dbt("deps").errors
    return shop


@pytest.fixture
def bookshop(installed: Bookshop, server_url: str) -> Iterator[Bookshop]:
    """Installed, not yet run: its models as they were, on an empty database."""
    models = installed.folder / "models"
    shutil.rmtree(models, ignore_errors=True)
    shutil.copytree(OTHER_PROJECT / "models", models)
    name = Identifier(str(conninfo_to_dict(installed.url)["dbname"]))
    with psycopg.connect(server_url, autocommit=True) as server, installed.chosen():
        server.execute(SQL("create database {}").format(name))
        try:
            yield installed
        finally:
            server.execute(SQL("drop database {} with (force)").format(name))
            _forget_changed_sources(installed)


def _forget_changed_sources(shop: Bookshop) -> None:
    """A source that is changed back stays in dbt's memory as it was changed."""
    declared = "models/_sources.yml"
    if (shop.folder / declared).read_text() != (OTHER_PROJECT / declared).read_text():
        (shop.folder / "target" / "partial_parse.msgpack").unlink(missing_ok=True)


@pytest.fixture
def shop_connection(bookshop: Bookshop) -> Iterator[Connection]:
    with psycopg.connect(bookshop.url, autocommit=True, options="-c search_path=shop,public") as connection:
        yield connection
