"""VACUUM and ANALYZE go to the tables that need them, and one table does not keep the others from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.tuning.conftest import Bookshop, Connection

pytestmark = pytest.mark.database


@pytest.fixture
def connection(bookshop: Bookshop, connection: Connection) -> Connection:
    """On a shop that is built, with a loaded table that it reads."""
    connection.execute("create table shop.books (book_id int primary key, title text)")
    connection.execute("insert into books select n, 'Book ' || n from generate_series(1, 1000) as n")
    assert not bookshop.dbt("run").errors
    connection.execute("select pg_stat_force_next_flush()")
    for table in ("books", "orders"):
        connection.execute(f"vacuum analyze {table}")
        connection.execute(f"alter table {table} set (autovacuum_enabled = false)")
    return connection


@pytest.fixture
def stranger(connection: Connection) -> Iterator[str]:
    """Another owner."""
    connection.execute("create role stranger")
    yield "stranger"
    connection.execute("reassign owned by stranger to current_user; drop owned by stranger; drop role stranger")


def done(connection: Connection) -> dict[str, tuple[Any, Any]]:
    """When each table was last vacuumed and analyzed by hand."""
    connection.execute("select pg_stat_force_next_flush()")
    rows = connection.execute(
        "select relname, last_vacuum, last_analyze from pg_stat_user_tables where schemaname = 'shop'"
    )
    return {name: (vacuumed, analyzed) for name, vacuumed, analyzed in rows}


def dirty(url: str, *statements: str) -> None:
    """In a session of its own, whose end makes its counts known."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=shop") as session:
        for statement in statements:
            session.execute(statement)


def test_a_clean_table_is_left_alone(bookshop: Bookshop, connection: Connection) -> None:
    before = done(connection)
    assert not bookshop.dbt("run").errors
    assert done(connection) == before


def test_dead_rows_call_for_vacuum_and_changed_rows_for_analyze(bookshop: Bookshop, connection: Connection) -> None:
    before = done(connection)
    dirty(bookshop.url, "update books set title = title || '!' where book_id <= 30")
    assert not bookshop.dbt("run").errors
    after = done(connection)
    assert after["books"][0] > before["books"][0]
    assert after["books"][1] == before["books"][1]
    assert after["orders"] == before["orders"]
    dirty(bookshop.url, "update books set title = title || '!' where book_id <= 100")
    assert not bookshop.dbt("run").errors
    assert done(connection)["books"][1] > after["books"][1]


def test_thresholds_are_configurable(bookshop: Bookshop, connection: Connection) -> None:
    before = done(connection)
    dirty(bookshop.url, "delete from books where book_id <= 30")
    assert not bookshop.dbt("run", "--vars", "{vacuum_dead_share: 0.9, analyze_changed_share: 0.9}").errors
    assert done(connection) == before
    sources = bookshop.folder / "models/_sources.yml"
    sources.write_text(
        sources.read_text().replace("          meta:", "          meta:\n            maintenance: {dead_share: 0}")
    )
    assert not bookshop.dbt("run", "--vars", "{vacuum_dead_share: 0.9, analyze_changed_share: 0.9}").errors
    assert done(connection)["books"][0] > before["books"][0]


def test_a_locked_table_keeps_nothing_from_the_others(bookshop: Bookshop, connection: Connection) -> None:
    before = done(connection)
    dirty(bookshop.url, "delete from books", "delete from orders")
    with psycopg.connect(bookshop.url, options="-c search_path=shop") as other:
        other.execute("lock table books in share update exclusive mode")
        assert not bookshop.dbt("run-operation", "maintain").errors
    after = done(connection)
    assert after["books"] == before["books"]
    assert after["orders"][0] > before["orders"][0]


def test_a_table_of_another_owner_keeps_nothing_from_the_others(
    bookshop: Bookshop, connection: Connection, stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = done(connection)
    role = f"keeper_{connection.info.dbname}"
    connection.execute(
        f"create role {role} login; grant all on schema shop to {role}; alter table orders owner to {role}"
    )
    connection.execute(f"alter table books owner to {stranger}; alter materialized view best_customer owner to {role}")
    try:
        dirty(bookshop.url, "delete from books", "delete from orders")
        monkeypatch.setenv("DBT_PG_USER", role)
        assert not bookshop.dbt("run-operation", "maintain").errors
        after = done(connection)
        assert after["books"] == before["books"]
        assert after["orders"][0] > before["orders"][0]
    finally:
        connection.execute(f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")


def test_an_analyze_that_fails_keeps_nothing_from_the_others(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute(
        """
        create function shop.picky(text) returns int immutable language plpgsql as
        $$ begin if current_setting('shop.fails', true) = 'off' then return 1; end if; raise 'picky'; end $$;
        set shop.fails = off;
        create index on books (shop.picky(title))
        """
    )
    before = done(connection)
    assert not bookshop.dbt("run-operation", "maintain").errors
    after = done(connection)
    assert after["books"][1] == before["books"][1]
    assert after["orders"][1] > before["orders"][1]


def test_a_broken_table_keeps_no_other_from_its_vacuum_for_long(bookshop: Bookshop, connection: Connection) -> None:
    before = done(connection)
    where = "select current_setting('data_directory'), pg_relation_filepath('books_pkey')"
    index = Path(*connection.execute(where).fetchall()[0])
    connection.execute("checkpoint")
    away = index.rename(f"{index}.away")
    others = {"best_customer", "orders"}
    runs = 0
    try:
        while others and runs < 30:
            assert "could not open file" in " ".join(bookshop.dbt("run-operation", "maintain").said)
            others -= {name for name, (vacuumed, _) in done(connection).items() if vacuumed != before[name][0]}
            runs += 1
    finally:
        away.rename(index)
    assert not others


def test_reads_that_an_index_covers_stay_in_it_after_a_run(bookshop: Bookshop, connection: Connection) -> None:
    dirty(bookshop.url, "update orders set amount = amount + 1 where order_id % 10 = 0")
    assert not bookshop.dbt("run").errors
    connection.execute("set enable_seqscan = off; set enable_bitmapscan = off")
    explain = "explain (analyze, format json) select order_id from orders where order_id < 50"
    scan = connection.execute(explain).fetchall()[0][0][0]["Plan"]
    assert (scan["Node Type"], scan["Heap Fetches"]) == ("Index Only Scan", 0)


def test_a_threshold_that_is_none_is_named(bookshop: Bookshop, connection: Connection) -> None:
    assert connection
    sources = bookshop.folder / "models/_sources.yml"
    sources.write_text(
        sources.read_text().replace("          meta:", "          meta:\n            maintenance: {dead: lots}")
    )
    errors = " ".join(bookshop.dbt("run").errors)
    assert "maintenance: warehouse.books declares dead 'lots'" in errors
