"""A second dbt project that installs the tuning macros, on a database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from python_runner.settings import PostgresSettings
from python_runner.sources import PROJECT
from tests.delta.conftest import workshop

__all__ = ["workshop"]  # the project itself, on a database of its own

Connection = psycopg.Connection[Any]


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

    def write(self, model: str, sql: str) -> None:
        """Add a model, or change one."""
        (self.folder / "models" / f"{model}.sql").write_text(sql)

    def dbt(self, command: str, *arguments: str) -> Ran:
        """Run a command."""
        said: list[str] = []
        warnings: list[str] = []

        def listen(event: Any) -> None:
            (warnings if event.info.level == "warn" else said).append(event.info.msg)

        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-partial-parse"]
        folders = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        outcome = dbtRunner(callbacks=[listen]).invoke([*flags, command, *folders, *arguments])
        results = [r for r in getattr(outcome.result, "results", []) if hasattr(r, "node")]
        errors = [str(outcome.exception)] if outcome.exception else []
        errors += said[-1:] if not outcome.success and not errors and not results else []
        errors += [str(result.message) for result in results if str(result.status) in {"error", "fail"}]
        return Ran({result.node.name: str(result.status) for result in results}, errors, warnings, said)


@pytest.fixture
def bookshop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bookshop]:
    """Installed, not yet run."""
    monkeypatch.setenv("TUNING_PACKAGE", str(PROJECT / "macros" / "tuning"))
    settings = PostgresSettings(database_url=database_url, _env_file=None)  # type: ignore[arg-type,call-arg]
    for name, value in settings.for_dbt().items():
        monkeypatch.setenv(name, value)
    shop = Bookshop(tmp_path / "bookshop")
    shutil.copytree(Path(__file__).parent / "other_project", shop.folder, ignore=shutil.ignore_patterns("dbt_packages"))
    before = Path.cwd()
    os.chdir(shop.folder)  # where dbt deps puts its packages
    try:
        assert not shop.dbt("deps").errors
        yield shop
    finally:
        os.chdir(before)


@pytest.fixture
def shop_connection(bookshop: Bookshop, database_url: str) -> Iterator[Connection]:
    assert bookshop
    with psycopg.connect(database_url, autocommit=True, options="-c search_path=shop,public") as connection:
        yield connection
