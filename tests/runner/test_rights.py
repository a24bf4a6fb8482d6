"""The rights of the role are checked before anything is loaded, and the message grants what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.console.progress import JsonLines
from python_runner.errors import RunnerError
from python_runner.refresh import build, check_run
from tests.conftest import Database, Loader, Warehouse

pytestmark = pytest.mark.database


@pytest.fixture
def role(database: Database) -> Iterator[Database]:
    """The database as a role sees it that may only connect."""
    name = f"runner-{uuid4().hex[:8]}"
    with database.connect() as owner:
        host, dbname = owner.info.host, owner.info.dbname
        owner.execute(SQL("create role {} login").format(Identifier(name)))
        owner.execute("drop schema raw, delta, public_dbt_test__audit cascade")
    yield Database(make_conninfo(database.url, user=name, host=host), role="")
    with database.connect() as owner:
        owner.execute(SQL("drop owned by {} cascade").format(Identifier(name)))
        owner.execute(SQL("drop role {}").format(Identifier(name)))
    assert dbname


def test_all_that_is_missing_is_granted_by_what_the_message_says(database: Database, role: Database) -> None:
    database.execute("create schema raw")
    database.execute("create table raw.wallet_holdings (nft_id bigint)")
    with pytest.raises(RunnerError, match="lacks rights: run as the owner of the database: grant ") as caught:
        check_run(role.settings)
    statements = str(caught.value).split("database: ", 1)[1]
    assert re.findall(r"on (database|schema) (\S+) to", statements) == [
        ("database", database.value("select quote_ident(current_database())")),
        ("schema", "public"),
        ("schema", "raw"),
    ]
    database.execute(statements)
    with pytest.raises(RunnerError, match=r"alter table raw\.wallet_holdings owner to "):
        check_run(role.settings)


def test_a_role_without_create_on_the_database_loads_and_builds(
    database: Database, role: Database, warehouse: Warehouse
) -> None:
    """An administrator has created the schemas for it."""
    with psycopg.connect(role.url) as connection:
        user = Identifier(connection.info.user)
    for schema in ("raw", "delta", "public_dbt_test__audit"):
        database.execute(SQL("create schema {} authorization {}").format(Identifier(schema), user))  # type: ignore[arg-type]
    database.execute(SQL("grant usage, create on schema public to {}").format(user))  # type: ignore[arg-type]
    check_run(role.settings)
    warehouse.hold(("0xa", "1", False, None))
    Loader(role, warehouse)()
    assert build(role.settings, JsonLines()).nodes["model"] > 10
