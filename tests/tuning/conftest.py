"""A second dbt project that installs the tuning macros, on a database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings
from tests.delta.conftest import workshop
from tests.renewable import Renewable, renewable

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
    database: Renewable

    @property
    def url(self) -> str:
        """How to reach its database."""
        return self.database.url

    @property
    def parsed(self) -> Path:
        """What dbt knows of the project."""
        return self.folder / "target" / "partial_parse.msgpack"

    def connect(self) -> Connection:
        """A session in the schema that it is built in."""
        return psycopg.connect(self.url, autocommit=True, options="-c search_path=shop,public")

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """The project that dbt works on, in the folder where dbt deps puts its packages."""
        settings = PostgresSettings(database_url=self.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        environment = settings.for_dbt() | {
            "TUNING_PACKAGE": str(PROJECT / "macros" / "tuning"),
            "SHOP_ORDERS": "100",
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

    def dbt(self, command: str, *arguments: str, orders: int = 100) -> Ran:
        """Run a command, when so many books have been ordered."""
        os.environ["SHOP_ORDERS"] = str(orders)
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
def installed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookshop]:
    """With its package, parsed once."""
    with renewable(server_url, "shop") as database:
        shop = Bookshop(tmp_path_factory.mktemp("bookshop"), database)
        shutil.copytree(OTHER_PROJECT, shop.folder, dirs_exist_ok=True)
        with shop.chosen():
            for command in ("deps", "parse"):
                assert not shop.dbt(command).errors
        shutil.copy(shop.parsed, shop.folder)
        yield shop


@pytest.fixture
def bookshop(installed: Bookshop) -> Iterator[Bookshop]:
    """Installed, not yet run: its models, and what dbt knows of them, as they were, on an empty database."""
    shutil.rmtree(installed.folder / "models")
    shutil.copytree(OTHER_PROJECT / "models", installed.folder / "models")
    shutil.copy(installed.folder / installed.parsed.name, installed.parsed)
    installed.database.renew()
    with installed.chosen():
        yield installed


@pytest.fixture
def shop_connection(bookshop: Bookshop) -> Iterator[Connection]:
    """On a shop that is not yet run."""
    with bookshop.connect() as connection:
        yield connection


@pytest.fixture
def connection(bookshop: Bookshop) -> Iterator[Connection]:
    """On a shop that is built."""
    if "built" not in bookshop.database.kept:
        assert not bookshop.dbt("run").errors
        bookshop.database.keep("built")
    bookshop.database.renew("built")
    with bookshop.connect() as connection:
        yield connection
