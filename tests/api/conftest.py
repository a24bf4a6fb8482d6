"""The API on a market that is loaded and built, asked as the role that only reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.testclient import TestClient

from python_runner.api.app import create_app
from python_runner.project import PROJECT
from python_runner.settings import ApiSettings, PostgresSettings
from tests.delta.conftest import Workshop, opened, workshop
from tests.delta.market import Change, Market
from tests.delta.project import Project

__all__ = ["opened", "workshop"]  # the project on a database of its own

READER = "site_reader"


def grants() -> str:
    """The rights that the documentation gives to the role that reads."""
    page = (PROJECT / "docs/api.md").read_text()
    statements = re.findall(r"^```sql\n(.*?)```$", page, re.MULTILINE | re.DOTALL)
    return next(str(text) for text in statements if "grant usage" in text)


def reader_url(url: str) -> str:
    """Make the role that only reads, with the documented rights, and return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("select from pg_roles where rolname = %s", (READER,)).fetchone()
        if found is None:
            connection.execute(f"create role {READER} login".encode())
        connection.execute(grants().encode())
    return str(make_conninfo(url, user=READER))


def application(url: str, **settings: Any) -> TestClient:
    """The API in this process."""
    postgres = PostgresSettings(database_url=url, _env_file=None)  # type: ignore[arg-type,call-arg]
    return TestClient(create_app(1, postgres, ApiSettings(_env_file=None, **settings)))  # type: ignore[call-arg]


@dataclass
class Site:
    """A market, the project that builds it and the API that shows it."""

    project: Project
    market: Market
    url: str
    client: TestClient

    def trade(self, *changes: Change, build: bool = True, **options: Any) -> None:
        """Let changes happen, load and build them."""
        self.market.happen(changes)
        with psycopg.connect(self.project.url, autocommit=True) as connection:
            self.market.load_all(connection)
        if build:
            self.build(**options)

    def build(self, *models: str, **options: Any) -> None:
        """Build these models, or all."""
        run = self.project.run(*models, **options)
        assert run.ok, run.errors

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """The JSON of an answer with this status."""
        response = self.client.get(path, **options)
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture(scope="module")
def site(workshop: Workshop, opened: Market) -> Iterator[Site]:
    project = workshop.renew("traded")
    url = reader_url(project.url)
    with application(url) as client:
        yield Site(project, deepcopy(opened), url, client)
