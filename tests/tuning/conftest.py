"""A second dbt project that installs the tuning macros, on a database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

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
    manifests: dict[str, Manifest] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """How to reach its database."""
        return self.database.url

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

    @property
    def state(self) -> str:
        """A digest of its files."""
        files = sorted(path for path in (self.folder / "models").rglob("*") if path.is_file())
        return sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()

    def write(self, model: str, sql: str) -> None:
        """Add a model, or change one."""
        (self.folder / "models" / f"{model}.sql").write_text(sql)

    def dbt(self, command: str, *arguments: str, orders: int = 100) -> Ran:
        """Run a command, when so many books have been ordered; the project is parsed once for each state of it."""
        os.environ["SHOP_ORDERS"] = str(orders)
        if command != "deps" and self.state not in self.manifests:
            outcome, ran = self._invoke("parse")
            if not isinstance(outcome.result, Manifest):
                return ran
            self.manifests[self.state] = outcome.result
        return self._invoke(command, *arguments)[1]

    def _invoke(self, command: str, *arguments: str) -> tuple[dbtRunnerResult, Ran]:
        said: list[str] = []
        warnings: list[str] = []

        def listen(event: Any) -> None:
            (warnings if event.info.level == "warn" else said).append(event.info.msg)

        flags = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
        folders = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        runner = dbtRunner(manifest=self.manifests.get(self.state), callbacks=[listen])
        outcome = runner.invoke([*flags, command, *folders, *arguments])
        results = [r for r in getattr(outcome.result, "results", []) if hasattr(r, "node")]
        errors = [str(outcome.exception)] if outcome.exception else []
        errors += said[-1:] if not outcome.success and not errors and not results else []
        errors += [str(result.message) for result in results if str(result.status) in {"error", "fail"}]
        return outcome, Ran({result.node.name: str(result.status) for result in results}, errors, warnings, said)


@pytest.fixture(scope="session")
def installed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookshop]:
    """With its package."""
    with renewable(server_url, "shop") as database:
        shop = Bookshop(tmp_path_factory.mktemp("bookshop"), database)
        shutil.copytree(OTHER_PROJECT, shop.folder, dirs_exist_ok=True)
        with shop.chosen():
            assert not shop.dbt("deps").errors
        yield shop


@pytest.fixture
def bookshop(installed: Bookshop) -> Iterator[Bookshop]:
    """Installed, not yet run: its models as they were, on an empty database."""
    shutil.rmtree(installed.folder / "models")
    shutil.copytree(OTHER_PROJECT / "models", installed.folder / "models")
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
