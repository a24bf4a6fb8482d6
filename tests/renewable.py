"""A database that a test finds as it was, under a name that stays: dbt parses again for another name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from tests import roles


@dataclass
class Renewable:
    """Not there until it is renewed."""

    server: psycopg.Connection[Any]
    name: str
    url: str
    kept: set[str] = field(default_factory=set)

    def renew(self, template: str | None = None) -> None:
        """Make it what was kept under this name, or empty."""
        self._drop(self.name)
        names = {
            "name": Identifier(self.name),
            "template": Identifier(self._kept(template) if template else "template1"),
        }
        self.server.execute(SQL("create database {name} template {template}").format(**names))
        if template is None:
            roles.prepare(self.url)

    def keep(self, template: str) -> None:
        """Keep it as it is, without sessions, to be renewed from."""
        names = {"name": Identifier(self.name), "template": Identifier(self._kept(template))}
        self.server.execute(SQL("alter database {name} rename to {template}").format(**names))
        self.kept.add(template)

    def close(self) -> None:
        """Remove it and what was kept."""
        for name in (self.name, *map(self._kept, self.kept)):
            self._drop(name)

    def _kept(self, template: str) -> str:
        return f"{self.name}_{template}"

    def _drop(self, name: str) -> None:
        self.server.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))


@contextmanager
def renewable(server_url: str, kind: str) -> Iterator[Renewable]:
    """Of a name that no other test process has; removed afterwards."""
    name = f"{kind}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        database = Renewable(server, name, make_conninfo(server_url, dbname=name))
        try:
            yield database
        finally:
            database.close()
