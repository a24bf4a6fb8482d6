"""A second dbt project that installs the tuning macros, on a database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from python_runner.project import PROJECT
from tests.delta.conftest import workshop
from tests.other_project import Connection, OtherProject, Ran
from tests.renewable import renewable

__all__ = ["Connection", "workshop"]  # the project itself, on a database of its own

OTHER_PROJECT = Path(__file__).parent / "other_project"


@dataclass(frozen=True)
class Bookshop(OtherProject):
    """The project in a folder where its models may be changed."""

    def write(self, model: str, sql: str) -> None:
        """Add a model, or change one."""
        (self.folder / "models" / f"{model}.sql").write_text(sql)

    def seed(self, name: str, rows: str) -> None:
        """Add a seed, or change one."""
        (self.folder / "seeds").mkdir(exist_ok=True)
        (self.folder / "seeds" / f"{name}.csv").write_text(rows)

    def dbt(self, command: str, *arguments: str, orders: int = 100) -> Ran:
        """Run a command, when so many books have been ordered."""
        os.environ["SHOP_ORDERS"] = str(orders)
        return super().dbt(command, *arguments)


@pytest.fixture(scope="session")
def installed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookshop]:
    """With its package."""
    environment = {"TUNING_PACKAGE": str(PROJECT / "macros" / "tuning"), "SHOP_ORDERS": "100"}
    with renewable(server_url, "shop") as database:
        shop = Bookshop(tmp_path_factory.mktemp("bookshop"), database, environment, "shop")
        shop.install(OTHER_PROJECT)
        yield shop


@pytest.fixture
def bookshop(installed: Bookshop) -> Iterator[Bookshop]:
    """Installed, not yet run: its models as they were, on an empty database."""
    shutil.rmtree(installed.folder / "models")
    shutil.rmtree(installed.folder / "seeds", ignore_errors=True)
    shutil.copytree(OTHER_PROJECT / "models", installed.folder / "models")
    # dbt takes a file that has the time of an earlier one for that.
    (installed.folder / "target/partial_parse.msgpack").unlink(missing_ok=True)
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
