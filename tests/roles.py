"""The roles of docs/roles.md, under names that no other test process has: roles belong to the server."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.postgres.rights import failures_schema
from python_runner.project import PROJECT

PAGE = (PROJECT / "docs/roles.md").read_text()
SET_UP, CONNECT, DEVELOPER = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NAMES = ("loader", "builder", "reader", "ann")
UNIQUE = uuid.uuid4().hex[:8]


def name_of(role: str) -> str:
    """The name of a role on the server."""
    return f"{role}_{UNIQUE}"


def statements(sql: str, dbname: str = "") -> list[str]:
    """The statements of the page, for these names and this database."""
    named = re.sub(rf"\b({'|'.join(NAMES)})\b(?!-)(?<!-ann)", lambda found: name_of(found[1]), sql)
    named = named.replace("database collectibles", f"database {Identifier(dbname).as_string()}")
    return [statement.strip() for statement in named.split(";") if statement.strip()]


def create_roles(server_url: str) -> None:
    """Create the roles of the page, which no database has yet."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for statement in statements(SET_UP):
            if re.match(r"create role|grant \w+ to", statement):
                connection.execute(statement.encode())


def drop_roles(server_url: str) -> None:
    """Drop them, when no database is left in which they own anything."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for role in NAMES:
            with suppress(psycopg.errors.UndefinedObject):
                connection.execute(SQL("drop role {}").format(Identifier(name_of(role))))


def prepare(url: str) -> None:
    """Give the roles their schemas and rights in an empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements(SET_UP):
            if not re.match(r"create role|grant \w+ to", statement):
                connection.execute(statement.encode())


def add_schema(url: str, name: str) -> None:
    """Make another target schema, with the one for the rows that fail a test."""
    with psycopg.connect(url, autocommit=True) as connection:
        for schema in (name, failures_schema(name)):
            connection.execute(
                SQL("create schema if not exists {} authorization {}").format(
                    Identifier(schema), Identifier(name_of("builder"))
                )
            )


@contextmanager
def acting(connection: psycopg.Connection[Any], role: str = "builder") -> Iterator[None]:
    """While it lasts, a superuser's session has the rights of a role, and what it creates belongs to the role."""
    connection.execute(SQL("set role {}").format(Identifier(name_of(role))))
    try:
        yield
    finally:
        connection.execute("reset role")


def as_role(url: str, role: str = "builder") -> str:
    """The URL with which a role logs in."""
    host = conninfo_to_dict(url).get("host")
    return make_conninfo(url, user=name_of(role), **({"host": host} if host else {}))
