"""A database that every test finds as it was: recreated from a template under the name that dbt has parsed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from tests.delta.market import EDITIONS, MOMENTS, Market
from tests.delta.project import Connection, Project

HOLDERS = ("0xa", "0xb", "0xc", "0xe4cf4bdc1751c65d")


@dataclass
class Workshop:
    """The project, and templates that its database can be made from."""

    server: Connection
    name: str
    project: Project
    kept: set[str] = field(default_factory=set)

    def renew(self, template: str = "prepared") -> Project:
        """The project on a database that is as it was when it was kept."""
        self._drop(self.name)
        names = {"name": Identifier(self.name), "template": Identifier(f"{self.name}_{template}")}
        self.server.execute(SQL("create database {name} template {template}").format(**names))
        return self.project

    def keep(self, template: str) -> None:
        """The database as it is, without sessions, becomes a template."""
        self.kept.add(f"{self.name}_{template}")
        names = {"name": Identifier(self.name), "template": Identifier(f"{self.name}_{template}")}
        self.server.execute(SQL("alter database {name} rename to {template}").format(**names))

    def close(self) -> None:
        """Remove every database."""
        for name in (self.name, *self.kept):
            self._drop(name)

    def _drop(self, name: str) -> None:
        self.server.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


@pytest.fixture(scope="session")
def workshop(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """With two templates: `prepared` has raw tables, seed and views; `traded` a market that is loaded and built."""
    name = f"delta_{uuid.uuid4().hex[:12]}"
    folder: Path = tmp_path_factory.mktemp("dbt")
    with psycopg.connect(server_url, autocommit=True) as server:
        workshop = Workshop(server, name, Project(make_conninfo(server_url, dbname=name), folder))
        try:
            server.execute(SQL("create database {}").format(Identifier(name)))
            workshop.project.prepare()
            workshop.keep("prepared")
            yield workshop
        finally:
            workshop.close()


@pytest.fixture(scope="session")
def opened(workshop: Workshop) -> Market:
    """What the template `traded` holds."""
    market = Market()
    market.happen(("mint", moment, HOLDERS[moment % 4], EDITIONS[moment % 3]) for moment in MOMENTS)
    market.happen([("price", "ED1", 2, 3), ("price", "ED2", None, 5), ("rename", "0xa", "Ada")])
    project = workshop.renew()
    with psycopg.connect(project.url) as connection:
        market.load_all(connection, whole=True)
    assert project.run().ok
    workshop.keep("traded")
    return market
