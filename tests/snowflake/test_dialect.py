"""Snowflake reads every statement that dbt sends, as far as parsers of its dialect know."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.snowflake import events
from tests.snowflake.dialect import rejected
from tests.snowflake.warehouse import Warehouse

pytestmark = pytest.mark.snowflake

REJECTED = (
    "select sum(a) filter (where b > 1) from t",
    "select distinct on (a) a, b from t",
    "select a::jsonb from t",
    "select a::tid from t",
    "select now()",
    "select max(a)::int, bool_or(a) from t",
    "select num_nonnulls(a, b) from t",
    "with x as not materialized (select 1 as a) select a from x",
    "select a from t cross join lateral (select b from u where u.a = t.a order by b limit 1) as f",
    "select (select b from u where u.a = t.a order by b limit 1) from t",
    r"select e'\t'",
    'select a collate "C" from t',
    "select jsonb_agg(a) from t",
    "select a from t where a ~ 'x'",
    "select array[1, 2]",
    "select t.* from t where exists (select from u)",
    "select a from generate_series(1, 3) as t(a)",
    "select unnest(a) from t",
    "select list_count(a) from t",
    "select [x for x in l]",
    "select sum(a) as a from t group by b having sum(a) <> 0",
    "merge into t using u on t.a = u.a when not matched by source then delete",
    "insert into t values (1) on conflict do nothing",
    "create unlogged table x as select 1",
    "delete from t using u where t.a = u.a returning *",
)
READ = [
    "select a from t qualify row_number() over (partition by b order by a) = 1",
    "select v:a::varchar, count(*) from t, lateral flatten(input => t.v:m) as e group by 1",
    """
    merge into t as o using u as n on o.a = n.a when matched and n.b is null then delete
    when matched then update set o.b = n.b when not matched then insert (a, b) values (n.a, n.b)
    """,
    "select sum(t.a) as a from t group by b having sum(t.a) <> 0",
]


@pytest.mark.parametrize("sql", REJECTED)
def test_what_snowflake_rejects_is_caught(sql: str) -> None:
    assert rejected(sql)


@pytest.mark.parametrize("sql", READ)
def test_what_snowflake_reads_is_not(sql: str) -> None:
    assert rejected(sql) == []


def test_snowflake_reads_every_statement_of_a_build(chain_warehouse: Warehouse) -> None:
    sent: dict[str, None] = {}

    def listen(event: Any) -> None:
        # What fills a seed is dbt's own, an INSERT OVERWRITE with placeholders that no parser reads.
        if event.info.name == "SQLQuery" and '"seed.' not in event.data.sql:
            sent[event.data.sql] = None

    chain_warehouse.execute(events.CREATE, events.insert(events.history(random.Random(1))))
    for full_refresh in (["--full-refresh"], []):  # all tables are created, then changed
        chain_warehouse.execute(events.insert(events.history(random.Random(2))))
        chain_warehouse.dbt("build", "--exclude-resource-type", "unit_test", *full_refresh, listen=listen)
    assert any("merge into" in sql for sql in sent)
    assert any("delete from" in sql for sql in sent)
    assert {why: sql for sql in sent for why in rejected(sql)} == {}
