"""A materialized view is refreshed when what it shows has changed, and what looks at a table survives its swap."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.tuning.conftest import Bookshop, Connection

pytestmark = pytest.mark.database


def best(connection: Connection) -> Any:
    return connection.execute("select customer_id, spent, computed_at, xmin from best_customer").fetchone()


def test_what_changed_is_refreshed(bookshop: Bookshop, connection: Connection) -> None:
    before = best(connection)
    assert not bookshop.dbt("run", orders=200).errors
    assert best(connection)[1] > before[1]
    assert best(connection)[2] > before[2]


def test_what_did_not_change_is_not_written(bookshop: Bookshop, connection: Connection) -> None:
    before = best(connection)
    assert not bookshop.dbt("run").errors
    assert best(connection) == before


def test_an_index_that_differs_from_the_config_does_not_stop_the_refresh(
    bookshop: Bookshop, connection: Connection
) -> None:
    connection.execute("create index mine on best_customer (spent)")
    before = best(connection)
    assert not bookshop.dbt("run", orders=200).errors
    assert best(connection)[1] > before[1]


def test_readers_go_on_during_a_refresh(bookshop: Bookshop, connection: Connection) -> None:
    with psycopg.connect(bookshop.url, options="-c search_path=shop") as reader:
        reader.execute("select from best_customer")  # a plain refresh would wait for the end of this transaction
        assert not bookshop.dbt("run", orders=200).errors
    connection.execute("drop index " + ", ".join(indexes(connection, "best_customer")))
    assert not bookshop.dbt("run", orders=300).errors
    assert best(connection)[1] == max(
        spent for (spent,) in connection.execute("select sum(amount) from orders group by customer_id")
    )


def test_a_definition_that_changed_is_applied_by_a_full_refresh(bookshop: Bookshop, connection: Connection) -> None:
    text = (bookshop.folder / "models/best_customer.sql").read_text()
    bookshop.write("best_customer", text.replace("sum(amount)", "-sum(amount)"))
    assert not bookshop.dbt("run", "--full-refresh").errors
    assert best(connection)[1] < 0


def test_what_looks_at_a_table_survives_its_swap(bookshop: Bookshop, connection: Connection) -> None:
    for statement in (
        "create role reader",
        "create view recent with (security_barrier) as select * from orders where order_id > 50",
        "create view counted as select count(*) as orders from recent",
        "create materialized view totals as select customer_id, count(*) as orders from recent group by 1",
        'create view "Odd name" as select sum(orders) as orders from totals',
        "create unique index totals_by_customer on totals (customer_id)",
        "comment on index totals_by_customer is 'kept'",
        "comment on view recent is 'It''s kept'",
        "grant select on totals, counted to reader",
        "grant select on best_customer to public",
    ):
        connection.execute(statement)
    try:
        before = described(connection)
        assert not bookshop.dbt("run", "--select", "orders", "--full-refresh", orders=200).errors
        assert described(connection) == before
        assert connection.execute("select orders from counted").fetchone() == (150,)
        assert connection.execute('select orders from "Odd name"').fetchone() == (50,)  # until it is refreshed
        assert not bookshop.dbt("run", orders=300).errors
        assert connection.execute("select orders from counted").fetchone() == (250,)
    finally:
        connection.execute("drop owned by reader; drop role reader")


def test_what_does_not_fit_the_new_table_is_dropped_with_a_warning(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute("create view dated as select ordered_at from orders")
    connection.execute("create view amounts as select amount from orders")
    text = (bookshop.folder / "models/orders.sql").read_text()
    bookshop.write("orders", text.replace("as ordered_at", "as ordered_on"))
    ran = bookshop.dbt("run", "--full-refresh")
    assert not ran.errors
    assert ["dated" in warning and "build it again" in warning for warning in ran.warnings] == [True]
    assert connection.execute("select to_regclass('dated'), to_regclass('amounts') is null").fetchone() == (None, False)


def described(connection: Connection) -> list[Any]:
    return connection.execute(
        r"""
        select
            relname, relkind, relacl::text, reloptions, obj_description(oid, 'pg_class'),
            case when relkind <> 'i' then pg_get_viewdef(oid) end
        from pg_class
        where relnamespace = 'shop'::regnamespace and relname !~ '^orders_order_id_' and relkind in ('v', 'm', 'i')
        order by relname
        """
    ).fetchall()


def indexes(connection: Connection, table: str) -> list[str]:
    rows = connection.execute("select indexrelid::regclass::text from pg_index where indrelid = %s::regclass", (table,))
    return [name for (name,) in rows]
