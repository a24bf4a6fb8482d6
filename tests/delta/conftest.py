"""The project on a database that every test finds as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import psycopg
import pytest

from tests.delta.market import EDITIONS, MOMENTS, Change, Market
from tests.delta.project import Connection, Project
from tests.renewable import Renewable, renewable

Trade = Callable[..., None]

HOLDERS = ("0xa", "0xb", "0xc", "0xe4cf4bdc1751c65d")


@dataclass(frozen=True)
class Workshop:
    """The project, and the database that it works on."""

    database: Renewable
    project: Project

    def renew(self, template: str = "prepared") -> Project:
        """The project on a database that is as it was when it was kept."""
        self.database.renew(template)
        return self.project


@pytest.fixture(scope="session")
def workshop(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """With two templates: `prepared` has raw tables, seed and views; `traded` a market that is loaded and built."""
    with renewable(server_url, "delta") as database:
        workshop = Workshop(database, Project(database.url, tmp_path_factory.mktemp("dbt")))
        database.renew()
        workshop.project.prepare()
        database.keep("prepared")
        yield workshop


@pytest.fixture(scope="session")
def opened(workshop: Workshop) -> Market:
    """What the template `traded` holds."""
    market = Market()
    market.happen(("mint", moment, HOLDERS[moment % 4], EDITIONS[moment % 3]) for moment in MOMENTS)
    market.happen([("price", "ED1", 2, 3), ("price", "ED2", None, 5), ("rename", "0xa", "Ada")])
    project = workshop.renew()
    with psycopg.connect(project.url) as connection:
        market.load_all(connection, whole=True)
    run = project.run()
    assert run.ok, run.errors
    workshop.database.keep("traded")
    return market


@pytest.fixture
def project(workshop: Workshop, opened: Market) -> Project:
    """The project on a market that is loaded and built."""
    assert opened
    return workshop.renew("traded")


@pytest.fixture
def connection(project: Project) -> Iterator[Connection]:
    with psycopg.connect(project.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def trade(connection: Connection, opened: Market) -> Trade:
    """Lets changes happen and loads them."""
    market = deepcopy(opened)

    def trade(*changes: Change, whole: bool = False) -> None:
        market.happen(changes)
        market.load_all(connection, whole=whole)

    return trade
