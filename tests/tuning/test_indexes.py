"""Indexes are as declared after every run, whatever the table had before, and nobody waits for it."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from tests.tuning.conftest import OTHER_PROJECT, Bookshop, Connection

pytestmark = pytest.mark.database

DECLARED = "indexes=[{'columns': ['order_id'], 'unique': true}]"
BOOKS = "create table shop.books (book_id int primary key, title text)"


def declare(bookshop: Bookshop, *indexes: str, model: str = "orders") -> None:
    """The orders, or a model like them, with other indexes."""
    text = (OTHER_PROJECT / "models/orders.sql").read_text()
    assert DECLARED in text
    bookshop.write(model, text.replace(DECLARED, f"indexes=[{', '.join(indexes)}]"))


def definitions(connection: Connection, table: str = "orders") -> dict[str, str]:
    """The indexes of a table by what stands behind its name in their definition."""
    rows = connection.execute(
        """
        select split_part(pg_get_indexdef(indexrelid), ' USING ', 2), indexrelid::regclass::text
        from pg_index where indrelid = %s::regclass and indisvalid order by 1
        """,
        (f"shop.{table}",),
    ).fetchall()
    return dict(rows)


def test_everything_that_can_be_declared_is_made(bookshop: Bookshop, connection: Connection) -> None:
    declare(
        bookshop,
        "{'columns': ['order_id'], 'unique': true, 'include': ['amount']}",
        "{'columns': ['customer_id', 'amount desc nulls last'], 'with': {'fillfactor': 80}}",
        "{'columns': ['(amount / 2)'], 'where': 'amount > 100'}",
        "{'columns': ['ordered_at'], 'type': 'brin'}",
        "{'columns': ['customer_id'], 'covered_by': ['customer_id', 'amount']}",
    )
    expected = {
        "btree (order_id) INCLUDE (amount)",
        "btree (customer_id, amount DESC NULLS LAST) WITH (fillfactor='80')",
        "btree (((amount / 2))) WHERE (amount > 100)",
        "brin (ordered_at)",
    }
    for arguments in ((), ("--full-refresh",), ()):
        assert not bookshop.dbt("run", *arguments).errors
        assert set(definitions(connection)) == expected
    assert connection.execute("select count(*) from pg_index where indrelid = 'orders'::regclass and indisunique") \
        .fetchone() == (1,)  # fmt: skip


def test_an_unchanged_run_touches_no_index(bookshop: Bookshop, connection: Connection) -> None:
    before = definitions(connection)
    assert not bookshop.dbt("run").errors
    assert definitions(connection) == before


@pytest.mark.parametrize("drift", ["missing", "undeclared", "invalid", "changed"])
def test_drift_is_repaired_while_others_read_and_write(bookshop: Bookshop, connection: Connection, drift: str) -> None:
    declare(bookshop, "{'columns': ['order_id'], 'unique': true}", "{'columns': ['customer_id', 'amount']}")
    assert not bookshop.dbt("run").errors
    expected = definitions(connection)
    name = expected["btree (customer_id, amount)"]
    if drift == "missing":
        connection.execute(f"drop index {name}")
    elif drift == "undeclared":
        connection.execute("create index orders_amount_0123abcd_01234567 on orders (amount)")
    elif drift == "invalid":
        connection.execute(f"update pg_index set indisvalid = false where indexrelid = '{name}'::regclass")
    else:
        declare(
            bookshop,
            "{'columns': ['order_id'], 'unique': true}",
            "{'columns': ['customer_id', 'amount'], 'where': 'amount > 0'}",
        )
    connection.execute("create index mine on orders (amount desc)")
    with Traffic(bookshop.url):
        assert not bookshop.dbt("run").errors
    found = definitions(connection)
    assert found.pop("btree (amount DESC)") == "mine"
    if drift == "changed":
        assert set(found) == {"btree (order_id)", "btree (customer_id, amount) WHERE (amount > 0)"}
    else:
        assert set(found) == set(expected)
    assert (found["btree (order_id)"]) == expected["btree (order_id)"]
    assert connection.execute("select count(*) from pg_index where indrelid = 'orders'::regclass").fetchone() == (3,)


class Traffic:
    """A reader and a writer that go round; a lock that lasts, or an error, fails the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stopped = threading.Event()
        self.errors: list[Exception] = []
        self.threads = [
            threading.Thread(target=self._loop, args=(statement,))
            for statement in (
                "select sum(amount) from shop.orders where customer_id = 3",
                "update shop.orders set amount = amount + 1 where order_id = 5",
            )
        ]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors

    def _loop(self, statement: Any) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=2s") as connection:
                while not self.stopped.wait(0.001):
                    connection.execute(statement)
        except psycopg.Error as error:
            self.errors.append(error)


def test_loaded_tables_are_indexed_too(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute(BOOKS)
    assert not bookshop.dbt("run").errors
    assert set(definitions(connection, "books")) == {"btree (book_id)", "btree (title text_pattern_ops)"}


def test_a_dry_run_says_what_it_would_do(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute(BOOKS)
    before = definitions(connection)
    connection.execute(f"drop index {before['btree (order_id)']}")
    ran = bookshop.dbt("run-operation", "sync_indexes", "--args", "{dry_run: true}")
    assert not ran.errors
    said = "\n".join(ran.said)
    assert "create index concurrently books_title" in said
    assert "create unique index concurrently orders_order_id" in said
    assert definitions(connection) == {}
    assert not bookshop.dbt("run-operation", "sync_indexes").errors
    assert set(definitions(connection)) == set(before)
    assert len(definitions(connection, "books")) == 2


@pytest.mark.parametrize(
    ("index", "key", "value"),
    [
        ("{'column': ['order_id']}", "column", "order_id"),
        ("{'columns': ['no_such']}", "columns", "no_such"),
        ("{'columns': ['order_id'], 'include': ['no_such']}", "include", "no_such"),
        ("{'columns': ['order_id'], 'type': 'hash', 'include': ['amount']}", "include", "amount"),
        ("{'columns': ['order_id'], 'type': 'hash', 'unique': true}", "unique", "True"),
        ("{'columns': ['order_id sideways']}", "columns", "order_id sideways"),
        ("{'columns': 'order_id'}", "columns", "order_id"),
        ("{'columns': ['order_id'], 'covered_by': ['amount']}", "covered_by", "amount"),
    ],
)
def test_what_cannot_be_declared_is_named(
    bookshop: Bookshop, connection: Connection, index: str, key: str, value: str
) -> None:
    assert connection
    declare(bookshop, index)
    for arguments in ((), ("--full-refresh",)):
        errors = " ".join(bookshop.dbt("run", *arguments).errors)
        assert f"indexes: orders declares {key} " in errors
        assert value in errors
