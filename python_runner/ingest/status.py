"""Reads what is loaded: batches, lag, rejects and sizes, from the bookkeeping tables in Postgres."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from python_runner.errors import RunnerError
from python_runner.postgres.pool import Connection

# A stage exists while a load runs and after a load was killed.
SOURCES = """
select distinct on (b.source)
    b.source,
    b.batch_id as last_batch,
    b.applied_at as loaded_at,
    round(extract(epoch from now() - b.applied_at))::bigint as age_seconds,
    b.high_water_mark,
    round(extract(epoch from now() - b.high_water_mark))::bigint as lag_seconds,
    to_regclass(format('raw.%I', b.source || '_stage')) is not null as unfinished,
    (select count(*) from raw.rejected_rows as r where r.source = b.source and not r.loaded) as rejected_rows,
    pg_total_relation_size(format('raw.%I', b.source)) as bytes
from raw.load_batches as b
where to_regclass(format('raw.%I', b.source)) is not null
order by b.source, b.batch_id desc
"""

BATCHES = """
select batch_id, source, mode, applied_at, rows_fetched, rows_inserted, rows_updated, rows_deleted, rows_rejected
from raw.load_batches
order by batch_id desc
limit 10
"""

REJECTS = """
select source, reason, loaded as with_null, count(*) as rows, max(rejected_at) as newest
from raw.rejected_rows
group by source, reason, loaded
order by source, rows desc, reason
"""

SNAPSHOTS = """
select
    c.relname as snapshot,
    greatest(c.reltuples, 0)::bigint as rows,
    pg_total_relation_size(c.oid) as bytes
from pg_class as c
where
    c.relname like '%%\\_snapshot' and c.relkind in ('r', 'p', 'm')
    and c.relnamespace = to_regnamespace(quote_ident(%s))
order by c.relname
"""


def read_status(connection: Connection, schema: str) -> dict[str, list[dict[str, Any]]]:
    """Sources, the last ten batches, rejects by reason and the published tables. RunnerError before the first load."""
    with connection.cursor(row_factory=dict_row) as cursor:
        loaded = cursor.execute("select to_regclass('raw.load_batches') is not null as yes").fetchone()
        if not loaded or not loaded["yes"]:
            raise RunnerError("nothing is loaded yet: run `runner load` first")
        return {
            "sources": cursor.execute(SOURCES).fetchall(),
            "batches": cursor.execute(BATCHES).fetchall(),
            "rejects": cursor.execute(REJECTS).fetchall(),
            "snapshots": cursor.execute(SNAPSHOTS, (schema,)).fetchall(),
        }
