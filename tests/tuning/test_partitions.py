"""Tables are partitioned as declared, from the first build or by an operation, and no row lacks a partition."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.tuning.conftest import Bookshop, Connection
from tests.tuning.test_indexes import Traffic, definitions

pytestmark = pytest.mark.database

BY_ID = "[{'columns': ['order_id'], 'unique': true}]"
BY_ID_AND_DAY = "[{'columns': ['order_id', 'ordered_at'], 'unique': true}]"
MONTHS = "{'range': 'ordered_at', 'ahead': 2}"
HASH = "{'hash': 'order_id', 'partitions': 4}"


def declare(bookshop: Bookshop, partition_by: str | None, model: str = "orders", **config: str) -> None:
    """The orders, or a model like them, with another config."""
    text = (bookshop.folder / "models/orders.sql").read_text()
    config = {"materialized": "'incremental'", "unique_key": "'order_id'", "indexes": BY_ID} | config
    if partition_by:
        config["meta"] = f"{{'partition_by': {partition_by}}}"
    lines = ", ".join(f"{name}={value}" for name, value in config.items())
    bookshop.write(model, f"{{{{ config({lines}) }}}}{text[text.index(') }}') + 4 :]}")


def partitions(connection: Connection, table: str = "orders") -> dict[str, int]:
    """Of a partitioned table, the bounds of each partition and the rows in it."""
    found = connection.execute(
        """
        select
            regexp_replace(pg_get_expr(relpartbound, oid), ' 00:00:00[+]00|FOR VALUES ', '', 'g'), oid::regclass::text
        from pg_inherits inner join pg_class on inhrelid = oid
        where inhparent = to_regclass(%s)
        """,
        (f"shop.{table}",),
    ).fetchall()
    return {bounds: connection.execute(f"select count(*) from {name}").fetchall()[0][0] for bounds, name in found}


def value(connection: Connection, query: str, *params: Any) -> Any:
    return connection.execute(query, params).fetchall()[0][0]


def scanned(connection: Connection, query: str) -> set[str]:
    """The relations that the plan of a query reads."""

    def relations(node: dict[str, Any]) -> set[str]:
        below = [relations(child) for child in node.get("Plans", ())]
        return {node["Relation Name"]} if "Relation Name" in node else set().union(*below)

    return relations(value(connection, f"explain (format json) {query}")[0]["Plan"])


def test_models_are_built_and_refreshed_partitioned(bookshop: Bookshop, shop_connection: Connection) -> None:
    kinds: dict[str, tuple[str, str, dict[str, int]]] = {
        "times": (MONTHS, BY_ID_AND_DAY, {"FROM ('2026-01-01') TO ('2026-02-01')": 30, "DEFAULT": 0}),
        "numbers": ("{'range': 'order_id', 'interval': 60}", BY_ID, {"FROM (0) TO (60)": 59, "FROM (60) TO (120)": 41}),
        "hashes": (HASH, BY_ID, {"WITH (modulus 4, remainder 3)": 17}),
        "lists": ("{'list': 'customer_id', 'values': [1, 2]}", "[]", {"IN (1)": 15, "IN (2)": 15, "DEFAULT": 70}),
    }
    for table, (partition_by, indexes, _) in kinds.items():
        declare(bookshop, partition_by, table, indexes=indexes)
    for arguments, rows in ((("run",), 100), (("run",), 150), (("run", "--full-refresh"), 100)):
        ran = bookshop.dbt(*arguments, orders=rows)
        assert not ran.errors + ran.warnings
        for table, (_, indexes, expected) in kinds.items():
            found = partitions(shop_connection, table)
            assert sum(found.values()) == rows
            assert value(shop_connection, f"select count(distinct order_id) from {table}") == rows
            assert found | (expected if rows == 100 else {}) == found
            assert len(definitions(shop_connection, table)) == indexes.count("columns")


def test_a_declaration_that_is_removed_leaves_a_heap(bookshop: Bookshop, shop_connection: Connection) -> None:
    declare(bookshop, HASH)
    assert not bookshop.dbt("run").errors
    declare(bookshop, None)
    assert not bookshop.dbt("run", "--full-refresh").errors
    assert value(shop_connection, "select relkind from pg_class where oid = 'orders'::regclass") == "r"


def test_rows_are_upserted_whatever_the_strategy(bookshop: Bookshop, shop_connection: Connection) -> None:
    orders = bookshop.folder / "models/orders.sql"
    orders.write_text(orders.read_text().replace("(select max(order_id) from {{ this }})", "90"))
    configs = {
        "built_anew": {"materialized": "'table'"},
        "merged": {"incremental_strategy": "'merge'"},
        "deleted_first": {"incremental_strategy": "'delete+insert'"},
    }
    for table, config in configs.items():
        declare(bookshop, MONTHS, table, indexes=BY_ID_AND_DAY, **config)
    assert not bookshop.dbt("run").errors
    for table in configs:
        shop_connection.execute(f"update {table} set amount = 0, ordered_at = ordered_at + interval '1 year'")
    assert not bookshop.dbt("run", orders=120).errors
    for table in configs:
        changed = f"select count(*) from {table} where amount = order_id * 10 and ordered_at < '2026-06-01'"
        assert value(shop_connection, changed) == (120 if table == "built_anew" else 30)
        assert value(shop_connection, f"select count(*) from {table}") == 120
        assert value(shop_connection, f"select count(distinct order_id) from {table}") == 120


def test_ranges_are_made_ahead_and_take_their_rows_from_the_default_partition(
    bookshop: Bookshop, shop_connection: Connection
) -> None:
    declare(bookshop, MONTHS, indexes=BY_ID_AND_DAY)
    assert not bookshop.dbt("run").errors
    ahead = [n for n in range(3) if month(shop_connection, n) in partitions(shop_connection)]
    assert ahead == [0, 1, 2]
    (last,) = shop_connection.execute(
        """
        select oid::regclass::text from pg_inherits inner join pg_class on inhrelid = oid
        where inhparent = 'orders'::regclass and pg_get_expr(relpartbound, oid) like %s
        """,
        (f"%{month(shop_connection, 2)[:17]}%",),
    ).fetchone() or ("",)
    shop_connection.execute(f"drop table {last}")
    shop_connection.execute(
        """
        insert into orders
        select 1000 + n, 1, 1, at::timestamptz
        from unnest(array['infinity', '0044-03-15 BC', '2031-05-31 23:59:59+00', (now() + '2 months')::text])
            with ordinality as odd (at, n)
        """
    )
    assert partitions(shop_connection)["DEFAULT"] == 4
    with Traffic(bookshop.url):
        ran = bookshop.dbt("run")
    assert not ran.errors
    assert not ran.warnings
    found = partitions(shop_connection)
    assert found["DEFAULT"] == 2
    assert found["FROM ('2031-05-01') TO ('2031-06-01')"] == 1
    assert found[month(shop_connection, 2)] == 1
    assert sum(found.values()) == 104
    assert not bookshop.dbt("run").errors
    assert partitions(shop_connection) == found


def month(connection: Connection, ahead: int) -> str:
    """The bounds of a month from now."""
    return str(
        value(
            connection,
            """
            select format('FROM (''%%s'') TO (''%%s'')', day::date, (day + interval '1 month')::date)
            from date_trunc('month', now() at time zone 'utc' + %s * interval '1 month') as day
            """,
            ahead,
        )
    )


def test_a_partition_that_gets_no_lock_is_left_to_the_next_run(bookshop: Bookshop, shop_connection: Connection) -> None:
    declare(bookshop, MONTHS, indexes=BY_ID_AND_DAY)
    assert not bookshop.dbt("run").errors
    shop_connection.execute("insert into orders values (1000, 1, 1, '2031-05-31')")
    with psycopg.connect(bookshop.url, options="-c search_path=shop") as reader:
        reader.execute("select count(*) from orders")
        ran = bookshop.dbt("run", "--vars", "{partition_lock_timeout: 50ms}")
    assert not ran.errors
    assert "create_partitions: orders was locked for longer than 50ms" in " ".join(ran.warnings)
    assert value(shop_connection, "select count(*) from orders where order_id = 1000") == 1
    assert not bookshop.dbt("run").warnings
    assert partitions(shop_connection)["DEFAULT"] == 0


def test_a_query_reads_the_partitions_that_it_needs(bookshop: Bookshop, shop_connection: Connection) -> None:
    declare(bookshop, MONTHS, indexes=BY_ID_AND_DAY)
    assert not bookshop.dbt("run").errors
    assert len(scanned(shop_connection, "select * from orders")) > 4
    within = "ordered_at >= '2026-02-01 UTC' and ordered_at < '2026-03-01 UTC'"
    (only,) = scanned(shop_connection, f"select * from orders where {within}")
    assert only.startswith("orders_20260201_")
    declare(bookshop, HASH)
    assert not bookshop.dbt("run", "--full-refresh").errors
    assert len(scanned(shop_connection, "select * from orders where order_id = 7")) == 1


def test_indexes_are_reconciled_on_every_partition(bookshop: Bookshop, shop_connection: Connection) -> None:
    declare(bookshop, HASH)
    assert not bookshop.dbt("run").errors
    declare(bookshop, HASH, indexes=BY_ID[:-1] + ", {'columns': ['customer_id', 'amount']}]")
    with Traffic(bookshop.url):
        assert not bookshop.dbt("run").errors
    assert set(definitions(shop_connection)) == {"btree (order_id)", "btree (customer_id, amount)"}
    name = definitions(shop_connection)["btree (customer_id, amount)"]
    assert value(shop_connection, "select count(*) from pg_inherits where inhparent = %s::regclass", name) == 4
    before = definitions(shop_connection)
    assert not bookshop.dbt("run").errors
    assert definitions(shop_connection) == before
    declare(bookshop, HASH)
    assert not bookshop.dbt("run").errors
    assert set(definitions(shop_connection)) == {"btree (order_id)"}


def test_a_table_that_is_there_is_converted_with_all_it_has(bookshop: Bookshop, connection: Connection) -> None:
    role = f"clerk_{connection.info.dbname}"
    connection.execute(
        f"""
        create role {role}; grant all on schema shop to {role}; alter table orders owner to {role};
        create index mine on orders (amount desc) where amount > 0;
        alter table orders alter amount set default 7, add primary key (order_id) include (amount);
        comment on table orders is 'What was sold'; comment on column orders.amount is 'In cents';
        grant select on orders to public; grant update (amount) on orders to public;
        create view big as select * from orders where amount > 500; grant select on big to public
        """
    )
    described = """
        select relowner, relacl, obj_description(oid), col_description(oid, 3),
            (select attacl from pg_attribute where attrelid = pg_class.oid and attname = 'amount'),
            (
                select conname || pg_get_constraintdef(oid) from pg_constraint
                where conrelid = pg_class.oid and contype = 'p'
            ),
            (select jsonb_agg(pg_get_expr(adbin, adrelid)) from pg_attrdef where adrelid = pg_class.oid)
        from pg_class where oid = 'shop.orders'::regclass
    """
    try:
        before = connection.execute(described).fetchall(), definitions(connection)
        declare(bookshop, HASH)
        ran = bookshop.dbt("run")
        assert not ran.errors
        assert "orders is not partitioned, declared HASH (order_id) in 4" in " ".join(ran.warnings)
        with Reading(bookshop.url):
            assert not bookshop.dbt("run-operation", "partition_table", "--args", "{table: orders}").errors
        assert (connection.execute(described).fetchall(), definitions(connection)) == before
        assert sum(partitions(connection).values()) == 100
        assert len(partitions(connection)) == 4
        assert value(connection, "select count(*) from big") == 50
        assert value(connection, "select count(*) from best_customer") == 1
        owners = "select count(distinct relowner) from pg_class where relname ~ '^orders' and relkind in ('r', 'p')"
        assert value(connection, owners) == 1
        ran = bookshop.dbt("run", orders=150)
        assert not ran.errors + ran.warnings
        assert sum(partitions(connection).values()) == 150
        assert definitions(connection) == before[1]
        declare(bookshop, HASH.replace("4", "6"))
        assert not bookshop.dbt("run-operation", "partition_table", "--args", "{table: orders}").errors
        assert len(partitions(connection)) == 6
        assert (connection.execute(described).fetchall(), definitions(connection)) == before
    finally:
        connection.execute(f"reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")


class Reading(Traffic):
    """A reader alone: writers wait while a table is converted."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.threads = self.threads[:1]


def test_a_conversion_that_cannot_be_leaves_all_as_it_was(bookshop: Bookshop, connection: Connection) -> None:
    declare(bookshop, HASH)
    convert = ("run-operation", "partition_table", "--args", "{table: orders}")
    undone = {
        "alter table orders add unique (customer_id, order_id, amount), add primary key (ordered_at)": (
            "alter table orders drop constraint orders_pkey",
            "partition_by: orders declares hash 'order_id': it is not in the unique key (ordered_at)",
        ),
        "create table lines (sold orders)": ("drop table lines", "depend on it"),
    }
    before = value(connection, "select 'orders'::regclass::oid")
    for done, (undo, error) in undone.items():
        connection.execute(done)
        ran = bookshop.dbt(*convert)
        assert ran.errors
        assert error in " ".join(ran.said)
        assert value(connection, "select 'orders'::regclass::oid") == before
        connection.execute(undo)
    assert value(connection, "select count(*) from pg_class where relname ~ '^orders__'") == 0
    assert not bookshop.dbt(*convert).errors
    for table, error in {"no_such": "is no model", "best_customer": "declares no meta.partition_by"}.items():
        args = f"{{table: {table}}}"
        said = bookshop.dbt("run-operation", "partition_table", "--args", args).said
        assert f"partition_table: {table} {error}" in " ".join(said)


def test_loaded_tables_are_converted_and_kept_partitioned(bookshop: Bookshop, shop_connection: Connection) -> None:
    sources = bookshop.folder / "models/_sources.yml"
    sources.write_text(
        sources.read_text().replace(
            "          meta:", "          meta:\n            partition_by: {range: book_id, interval: 100}"
        )
    )
    shop_connection.execute("create schema shop; create table books (book_id int primary key, title text)")
    shop_connection.execute("insert into books select n, 'Book ' || n from generate_series(1, 250) as n")
    assert not bookshop.dbt("run-operation", "partition_table", "--args", "{table: warehouse.books}").errors
    assert not bookshop.dbt("run").errors
    shop_connection.execute(
        """
        insert into books values (250, 'Again'), (999, 'Far')
        on conflict (book_id) do update set title = excluded.title
        """
    )
    assert partitions(shop_connection, "books")["DEFAULT"] == 1
    assert not bookshop.dbt("run").errors
    found = partitions(shop_connection, "books")
    assert found["DEFAULT"] == 0
    assert found["FROM (900) TO (1000)"] == 1
    assert found["FROM (1200) TO (1300)"] == 0
    assert set(definitions(shop_connection, "books")) == {"btree (book_id)", "btree (title text_pattern_ops)"}


def test_heaps_that_are_outgrown_are_listed_with_what_would_fit(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute("analyze orders")
    said = bookshop.dbt("run-operation", "outgrown_tables").said
    assert "no heap has more than 50000000 rows" in said
    said = bookshop.dbt("run-operation", "outgrown_tables", "--vars", "{heap_rows: 99}").said
    assert "orders: 100 rows in a heap: partition_by: {hash: order_id, partitions: 2}" in said
    declare(bookshop, None, indexes=BY_ID_AND_DAY)
    assert not bookshop.dbt("run").errors
    said = bookshop.dbt("run-operation", "outgrown_tables", "--args", "{rows: 10}").said
    assert "orders: 100 rows in a heap: partition_by: {range: ordered_at, interval: month}" in said


WRONG = [
    ("{'range': 'ordered_at', 'every': 'month'}", "every", "month"),
    ("{'range': 'ordered_at', 'interval': 'fortnight'}", "interval", "fortnight"),
    ("{'range': 'order_id', 'interval': 'month'}", "interval", "month"),
    ("{'range': 'ordered_at', 'ahead': 0}", "ahead", "0"),
    ("{'range': 'no_such'}", "range", "no_such"),
    ("{'hash': 'order_id', 'partitions': 'many'}", "partitions", "many"),
    ("{'hash': 'customer_id'}", "hash", "customer_id"),
    ("{'list': 'order_id'}", "values", "[]"),
    ("{'hash': 'order_id', 'list': 'order_id'}", "partition_by", "{'hash': 'order_id', 'list': 'order_id'}"),
    ("'order_id'", "partition_by", "order_id"),
]


def test_what_cannot_be_declared_is_named(bookshop: Bookshop) -> None:
    for place, (partition_by, _, _) in enumerate(WRONG):
        declare(bookshop, partition_by, f"wrong_{place}", indexes="[]" if "ordered_at" in partition_by else BY_ID)
    errors = " ".join(bookshop.dbt("run").errors)
    said = [f"partition_by: wrong_{n} declares {key} '{wrong}': " for n, (_, key, wrong) in enumerate(WRONG)]
    assert [sentence for sentence in said if sentence not in errors] == []


def test_an_increment_names_what_cannot_be_declared(bookshop: Bookshop, connection: Connection) -> None:
    assert connection
    declare(bookshop, MONTHS)
    errors = " ".join(bookshop.dbt("run").errors)
    assert "partition_by: orders declares range 'ordered_at': it is not in the unique key (order_id)" in errors
