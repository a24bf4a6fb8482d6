"""A relation that dbt replaces keeps what hangs on it, or is not replaced, and readers do not queue behind the swap."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any

import psycopg
import pytest

from tests.tuning.conftest import Bookshop, Connection

pytestmark = pytest.mark.database

# What others hang on a table, one of each kind. {reader} and {keeper} are roles.
HUNG = """
create schema if not exists desk;
grant usage on schema shop, desk to public;
create table labels (customer_id int, label text);
alter table {table} alter column customer_id set statistics 77;
alter table {table} alter column customer_id set (n_distinct = 7);
alter table {table} set (fillfactor = 66, toast.autovacuum_enabled = off);
alter table {table} replica identity full;
alter table {table} add constraint positive check (amount > 0);
create index mine on {table} (amount desc) where amount > 0;
comment on index mine is 'Mine';
create statistics mine_too (ndistinct) on customer_id, amount from {table};
comment on statistics mine_too is 'Mine too';
comment on table {table} is 'What was sold';
comment on column {table}.amount is 'In cents';
create function watch() returns trigger language plpgsql as 'begin return new; end';
create trigger watch before update on {table} for each row execute function watch();
create trigger sleep before update on {table} for each row execute function watch();
alter table {table} disable trigger sleep;
comment on trigger watch on {table} is 'Watches';
create rule quiet as on insert to {table} where new.amount = 0 do instead nothing;
create policy own on {table} as permissive for select to {reader} using (customer_id = 3);
create policy known on labels using (customer_id in (select customer_id from {table}));
comment on policy own on {table} is 'Own orders';
alter table {table} enable row level security;
alter table {table} force row level security;
grant select on {table} to {reader} with grant option;
grant update (amount) on {table} to {reader};
create publication printed for table {table} (order_id, amount) where (amount > 5);
create view desk.big with (security_barrier) as select order_id, amount from {table} where amount > 500;
grant select (amount) on desk.big to {reader};
comment on view desk.big is 'Big orders';
alter view desk.big alter column amount set default 9;
create function press() returns trigger language plpgsql as 'begin return new; end';
create trigger press instead of update on desk.big for each row execute function press();
create view desk."Odd name" as select sum(amount) as amount from desk.big;
create materialized view desk.totals with (fillfactor = 55) as
    select customer_id, count(*) as sold from {table} group by customer_id;
create unique index totals_by_customer on desk.totals (customer_id);
comment on materialized view desk.totals is 'Totals';
grant select (sold) on desk.totals to {reader};
create materialized view desk.top as select max(sold) as sold from desk.totals;
grant select on desk.top to {reader};
create view desk.of_top as select sold + 1 as sold from desk.top;
create function desk.sold() returns bigint begin atomic select count(*) from {table}; end;
grant execute on function desk.sold to {reader};
create function desk.first() returns setof {table} language sql as 'select * from {table} limit 1';
revoke execute on function desk.first from public;
grant execute on function desk.first to {reader}
"""
FOUND = r"""
with
relations as (
    select * from pg_class
    where oid = '{table}'::regclass or relnamespace = 'desk'::regnamespace and relkind in ('v', 'm')
)
select 'relation', relname, jsonb_build_array(
    relkind, relacl::text, relowner::regrole, reloptions, relrowsecurity, relforcerowsecurity, relreplident,
    obj_description(oid, 'pg_class'), case when relkind in ('v', 'm') then pg_get_viewdef(oid) end,
    (select reloptions from pg_class as toast where toast.oid = relations.reltoastrelid)
)
from relations
union all
select 'column', relname || '.' || attname, jsonb_build_array(
    attacl::text, attstattarget, array(select option from unnest(attoptions) as option where option ~ '^n_'),
    col_description(attrelid, attnum),
    (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)
)
from relations inner join pg_attribute on attrelid = relations.oid where attnum > 0 and not attisdropped
union all
select 'index', indexrelid::regclass::text, jsonb_build_array(
    pg_get_indexdef(indexrelid), obj_description(indexrelid, 'pg_class')
)
from relations inner join pg_index on indrelid = relations.oid
where indexrelid::regclass::text !~ '_[0-9a-f]{{8}}_[0-9a-f]{{8}}$'
union all
select 'constraint', conname, to_jsonb(pg_get_constraintdef(pg_constraint.oid))
from relations inner join pg_constraint on conrelid = relations.oid where contype <> 'n'
union all
select 'trigger', tgname, jsonb_build_array(
    pg_get_triggerdef(pg_trigger.oid), tgenabled, obj_description(pg_trigger.oid, 'pg_trigger')
)
from relations inner join pg_trigger on tgrelid = relations.oid where not tgisinternal
union all
select 'rule', rulename, to_jsonb(definition) from pg_rules where tablename = '{table}'
union all
select 'policy', policyname, jsonb_build_array(
    tablename, permissive, roles, cmd, qual, with_check,
    (select obj_description(oid, 'pg_policy') from pg_policy where polname = policyname)
)
from pg_policies
union all
select 'publication', pubname, jsonb_build_array(schemaname, tablename, attnames, rowfilter) from pg_publication_tables
union all
select 'statistics', stxname, jsonb_build_array(pg_get_statisticsobjdef(oid), obj_description(oid, 'pg_statistic_ext'))
from pg_statistic_ext
union all
select 'function', proname, jsonb_build_array(pg_get_functiondef(oid), proacl::text, proowner::regrole)
from pg_proc where pronamespace = 'desk'::regnamespace
"""


def hang(connection: Connection, table: str, roles: dict[str, str]) -> None:
    """Hang one of each kind on the table."""
    for statement in HUNG.format(table=table, **roles).split(";\n"):
        connection.execute(statement)


def found(connection: Connection, table: str) -> dict[tuple[str, str], Any]:
    """What hangs on the table, by kind and name."""
    rows = connection.execute(FOUND.format(table=table)).fetchall()
    return {(kind, name): state for kind, name, state in rows}


def oid_of(connection: Connection, table: str) -> Any:
    return connection.execute("select %s::regclass::oid", (f"shop.{table}",)).fetchall()[0][0]


@pytest.fixture
def roles(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The keeper builds the shop and is no superuser; the reader and the analyst have rights of their own."""
    names = {kind: f"{kind}_{connection.info.dbname}" for kind in ("keeper", "reader", "analyst")}
    for name in names.values():
        connection.execute(f"create role {name} login")
    connection.execute(f"alter database {connection.info.dbname} owner to {names['keeper']}")
    connection.execute(
        f"""
        do $$ declare one record; begin
            for one in
                select relname from pg_class where relnamespace = 'shop'::regnamespace and relkind in ('r', 'm')
            loop
                execute format('alter table shop.%I owner to {names["keeper"]}', one.relname);
            end loop;
        end $$;
        alter schema shop owner to {names["keeper"]}
        """
    )
    monkeypatch.setenv("DBT_PG_USER", names["keeper"])
    yield names
    connection.execute("reset role")
    for name in names.values():
        connection.execute(f"reassign owned by {name} to current_user; drop owned by {name}; drop role {name}")


def remodel(bookshop: Bookshop, model: str, old: str, new: str) -> None:
    """Change words of a model."""
    text = (bookshop.folder / f"models/{model}.sql").read_text()
    assert old in text
    bookshop.write(model, text.replace(old, new))


@pytest.mark.parametrize("materialized", ["incremental", "table"])
def test_all_that_hangs_on_a_table_survives_its_swap(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str], materialized: str
) -> None:
    connection.execute(f"set role {roles['keeper']}")
    hang(connection, "orders", roles)
    before = found(connection, "orders")
    assert len(before) >= 30
    oid = oid_of(connection, "orders")
    remodel(bookshop, "orders", "'incremental'", f"'{materialized}'")
    ran = bookshop.dbt("run", "--select", "orders", "--full-refresh", orders=200)
    assert not ran.errors + ran.warnings
    assert oid_of(connection, "orders") != oid
    after = found(connection, "orders")
    assert {key: after.get(key) for key in before} == before
    assert after.keys() == before.keys()
    assert connection.execute("select sold from desk.of_top").fetchone() == (30,)
    connection.execute(f"set role {roles['reader']}")
    assert connection.execute("select count(distinct customer_id) from shop.orders").fetchone() == (1,)
    connection.execute("reset role")
    assert not bookshop.dbt("run", "--full-refresh", orders=200).errors


def test_all_that_hangs_on_a_table_survives_its_conversion(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str]
) -> None:
    connection.execute(f"set role {roles['keeper']}")
    connection.execute("create table lines (order_id int references orders (order_id))")
    hang(connection, "orders", roles)
    # What a partitioned table cannot have.
    connection.execute("alter table orders reset (fillfactor, toast.autovacuum_enabled)")
    connection.execute("alter publication printed set (publish_via_partition_root)")
    before = found(connection, "orders")
    partition_by = "meta={'partition_by': {'hash': 'order_id', 'partitions': 3}}"
    remodel(bookshop, "orders", "unique_key='order_id'", f"unique_key='order_id', {partition_by}")
    ran = bookshop.dbt("run-operation", "partition_table", "--args", "{table: orders}")
    assert not ran.errors + ran.warnings, [line for line in ran.said if "rror" in line]
    after = found(connection, "orders")
    assert after["relation", "orders"][0] == "p"
    after["relation", "orders"][0] = "r"
    after["index", "mine"][0] = after["index", "mine"][0].replace("ON ONLY", "ON")
    assert {key: after.get(key) for key in before} == before
    assert connection.execute("select count(*) from pg_constraint where confrelid = 'orders'::regclass").fetchone()


HUNG_ON_VIEW = """
create schema desk; grant usage on schema shop, desk to public;
grant select on best_customer to {reader}; grant select (spent) on best_customer to public;
alter materialized view best_customer set (fillfactor = 44);
alter materialized view best_customer alter column spent set statistics 55;
comment on materialized view best_customer is 'The best'; comment on column best_customer.spent is 'In cents';
create index mine on best_customer (spent);
create view desk.shown with (security_barrier) as select spent from best_customer;
grant select (spent) on desk.shown to {reader};
create materialized view desk.doubled as select spent * 2 as spent from best_customer;
grant select on desk.doubled to {reader};
create unique index one on desk.doubled (spent);
create function desk.spent() returns bigint begin atomic select spent from best_customer; end
"""


def test_a_materialized_view_is_replaced_only_if_its_definition_changes(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str]
) -> None:
    connection.execute(f"set role {roles['keeper']}")
    connection.execute(HUNG_ON_VIEW.format(**roles))
    before, oid = found(connection, "best_customer"), oid_of(connection, "best_customer")
    assert not bookshop.dbt("run", "--full-refresh", "--select", "best_customer").errors
    assert oid_of(connection, "best_customer") == oid
    remodel(bookshop, "best_customer", "sum(amount)", "-sum(amount)")
    ran = bookshop.dbt("run", "--full-refresh", "--select", "best_customer")
    assert not ran.errors + ran.warnings
    assert oid_of(connection, "best_customer") != oid
    after = found(connection, "best_customer")
    before["relation", "best_customer"][8] = after["relation", "best_customer"][8]
    assert after == before
    for query in ("table desk.shown", "select spent / 2 from desk.doubled", "select desk.spent()"):
        assert connection.execute(query).fetchall() == connection.execute("select spent from best_customer").fetchall()


def test_a_view_that_dbt_builds_is_replaced_only_if_its_query_changes(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str]
) -> None:
    query = "{{ config(materialized='view') }} select * from {{ ref('orders') }} where order_id > 50"
    bookshop.write("recent", query)
    assert not bookshop.dbt("run").errors
    oid = oid_of(connection, "recent")
    connection.execute("create view counted as select count(*) from shop.recent")
    connection.execute(f"grant select on recent to {roles['reader']}")
    assert not bookshop.dbt("run", orders=200).errors  # the view of another role, which could not be carried
    assert oid_of(connection, "recent") == oid
    assert connection.execute("table counted").fetchone() == (150,)
    connection.execute(f"alter view counted owner to {roles['keeper']}")
    bookshop.write("recent", query.replace("50", "60"))
    assert not bookshop.dbt("run", "--select", "recent", orders=200).errors
    assert connection.execute("table counted").fetchone() == (140,)
    granted = "select has_table_privilege(%s, 'recent', 'select')"
    assert connection.execute(granted, (roles["reader"],)).fetchone() == (True,)


def test_a_seed_keeps_what_hangs_on_it(bookshop: Bookshop, connection: Connection, roles: dict[str, str]) -> None:
    def seed(rows: str) -> Any:
        bookshop.seed("genres", rows)
        ran = bookshop.dbt("seed", "--full-refresh")
        assert not ran.errors + ran.warnings
        return oid_of(connection, "genres")

    oid = seed("genre,shelf\ncrime,1\n")
    connection.execute("create view shelved as select count(*) from shop.genres where shelf > 0")
    connection.execute(f"grant usage on schema shop to {roles['reader']}")
    connection.execute(f"grant select on genres, shelved to {roles['reader']}")
    connection.execute(f"alter view shelved owner to {roles['keeper']}")
    assert seed("genre,shelf\ncrime,1\npoems,2\n") == oid
    assert connection.execute("table shelved").fetchone() == (2,)
    assert seed("genre,shelf,room\ncrime,1,A\npoems,2,B\ntravel,3,B\n") != oid
    connection.execute(f"set role {roles['reader']}")
    assert connection.execute("select count(room) from genres").fetchone() == (3,)
    assert connection.execute("table shelved").fetchone() == (3,)


# What the keeper may not carry: the statement that makes it, and what the message names.
STOPS = {
    "view": (
        "create view desk.big as select amount from shop.orders; alter view desk.big owner to {analyst}",
        "view desk.big of {analyst} would be lost",
    ),
    "function": (
        """create function desk.sold() returns bigint begin atomic select count(*) from shop.orders; end;
        alter function desk.sold() owner to {analyst}""",
        "function desk.sold() of {analyst} would be lost",
    ),
    "publication": ("create publication printed for table shop.orders", "publication printed of "),
    "policy": (
        """create table desk.labels (id int); alter table desk.labels owner to {analyst};
        create policy known on desk.labels using (id in (select customer_id from shop.orders))""",
        "policy known on table desk.labels of {analyst}",
    ),
    "row type": ("create table desk.kept (one shop.orders); alter table desk.kept owner to {analyst}", "desk.kept"),
}


@pytest.mark.parametrize("kind", STOPS)
def test_what_cannot_be_carried_stops_the_swap_and_is_named(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str], kind: str
) -> None:
    done, error = STOPS[kind]
    connection.execute("create schema desk")
    connection.execute(
        f"grant all on schema desk to {roles['analyst']}; grant select on shop.orders to {roles['analyst']}"
    )
    connection.execute(done.format(**roles))
    oid = oid_of(connection, "orders")
    errors = " ".join(bookshop.dbt("run", "--select", "orders", "--full-refresh", orders=200).errors)
    assert "is not replaced" in errors
    assert error.format(**roles) in errors
    assert oid_of(connection, "orders") == oid
    assert connection.execute("select count(*) from shop.orders").fetchone() == (100,)
    assert connection.execute("select count(*) from pg_class where relname ~ '^orders__|^swapped'").fetchone() == (0,)


def test_a_policy_on_a_column_that_goes_stops_the_swap(bookshop: Bookshop, connection: Connection) -> None:
    connection.execute(
        "create policy own on orders using (ordered_at < now()); create index gone on orders (ordered_at)"
    )
    remodel(bookshop, "orders", "as ordered_at", "as ordered_on")
    errors = " ".join(bookshop.dbt("run", "--full-refresh").errors)
    assert "policy own on table " in errors
    assert "is not replaced" in errors
    connection.execute("drop policy own on orders")
    ran = bookshop.dbt("run", "--full-refresh")
    assert not ran.errors
    assert ["index" in warning and "gone" in warning for warning in ran.warnings] == [True]


AWAITED = "select true from pg_locks where not granted and mode = 'AccessExclusiveLock' and relation = %s::regclass"


@pytest.mark.parametrize("model", ["orders", "best_customer"])
def test_readers_do_not_queue_behind_a_swap_that_waits(bookshop: Bookshop, connection: Connection, model: str) -> None:
    """A reader idles in a transaction; the swap waits for it, others do not, and then it goes through."""
    connection.execute("create view shop.amounts as select * from best_customer")
    remodel(bookshop, model, "order_id * 10 as amount", "order_id * 10.5 as amount") if model == "orders" else remodel(
        bookshop, model, "sum(amount)", "-sum(amount)"
    )
    bookshop.manifest  # noqa: B018
    with (
        ThreadPoolExecutor(1) as thread,
        bookshop.connect() as other,
        psycopg.connect(bookshop.url) as reader,
    ):
        reader.execute(f"select from shop.{model}")
        swap = thread.submit(bookshop.dbt, "run", "--full-refresh", "--select", model)
        other.execute("set statement_timeout = '5s'")
        for _ in range(2):
            while not connection.execute(AWAITED, (model,)).fetchone() and not swap.done():
                sleep(0.01)
            other.execute(f"select from {model}")
        assert not swap.done()
        reader.commit()
        assert not swap.result().errors


def test_a_swap_that_gets_no_lock_names_who_has_it(bookshop: Bookshop, connection: Connection) -> None:
    oid = oid_of(connection, "orders")
    with psycopg.connect(bookshop.url, application_name="idle report") as reader:
        reader.execute("select from shop.orders")
        ran = bookshop.dbt("run", "--full-refresh", "--select", "orders", "--vars", "swap_wait: 0 seconds", orders=200)
        assert f"in use by {reader.info.backend_pid} ({reader.info.user}, idle report)" in " ".join(ran.errors)
    assert oid_of(connection, "orders") == oid
    assert connection.execute("select count(*) from orders").fetchone() == (100,)
