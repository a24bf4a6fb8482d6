"""A relation that dbt replaces keeps what hangs on it, or is not replaced, and readers do not queue behind the swap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    attacl::text, attstattarget, attoptions, col_description(attrelid, attnum),
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
            for one in select relname from pg_class where relnamespace = 'shop'::regnamespace and relkind in ('r', 'm') loop
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


def remodel(bookshop: Bookshop, model: str = "orders", **changes: str) -> None:
    """Change words of a model."""
    text = (bookshop.folder / f"models/{model}.sql").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    bookshop.write(model, text)


@pytest.mark.parametrize("materialized", ["incremental", "table"])
def test_all_that_hangs_on_a_table_survives_its_swap(
    bookshop: Bookshop, connection: Connection, roles: dict[str, str], materialized: str
) -> None:
    connection.execute(f"set role {roles['keeper']}")
    hang(connection, "orders", roles)
    before = found(connection, "orders")
    assert len(before) >= 30
    oid = connection.execute("select 'orders'::regclass::oid").fetchone()
    remodel(bookshop, incremental=materialized)
    ran = bookshop.dbt("run", "--select", "orders", "--full-refresh", orders=200)
    assert not ran.errors + ran.warnings
    assert connection.execute("select 'orders'::regclass::oid").fetchone() != oid
    after = found(connection, "orders")
    assert {key: after.get(key) for key in before} == before
    assert after.keys() == before.keys()
    assert connection.execute("select sold from desk.of_top").fetchone() == (30,)
    connection.execute(f"set role {roles['reader']}")
    assert connection.execute("select count(distinct customer_id) from shop.orders").fetchone() == (1,)
    connection.execute("reset role")
    assert not bookshop.dbt("run", "--full-refresh", orders=200).errors
