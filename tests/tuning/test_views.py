"""A view is replaced when its definition has changed, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tuning.conftest import Bookshop, Connection

pytestmark = pytest.mark.database

VIEW = "{{ config(materialized='view', grants={'select': ['pg_monitor']}) }} select * from {{ ref('orders') }}"


@pytest.fixture
def built(bookshop: Bookshop, connection: Connection) -> Bookshop:
    """With a view."""
    assert not view(connection)
    bookshop.write("every_order", VIEW)
    assert not bookshop.dbt("run").errors
    return bookshop


def view(connection: Connection) -> Any:
    return connection.execute("select oid, relacl::text from pg_class where relname = 'every_order'").fetchone()


@pytest.mark.parametrize(
    "text", [VIEW + " where order_id > 5", VIEW.replace("*", "order_id"), VIEW.replace("*", "*, 1 as one")]
)
def test_a_view_that_changed_is_replaced(built: Bookshop, connection: Connection, text: str) -> None:
    before = view(connection)
    built.write("every_order", text)
    assert not built.dbt("run", "--select", "every_order").errors
    assert view(connection)[0] != before[0]


def test_the_same_view_gets_other_grants(built: Bookshop, connection: Connection) -> None:
    before = view(connection)
    built.write("every_order", VIEW.replace("pg_monitor", "pg_read_all_stats"))
    assert not built.dbt("run", "--select", "every_order").errors
    after = view(connection)
    assert after[0] == before[0]
    assert "pg_read_all_stats" in after[1]
    assert "pg_monitor" not in after[1]


def test_a_select_that_fails_leaves_the_view(built: Bookshop, connection: Connection) -> None:
    before = view(connection)
    built.write("every_order", VIEW.replace("*", "nothing"))
    assert 'column "nothing" does not exist' in str(built.dbt("run", "--select", "every_order").errors)
    assert view(connection) == before
