"""`python -m benchmarks.bloat`: how large the tables are after many refreshes, against the same content rebuilt.

Each refresh follows a share of holdings moved and of editions re-priced, on the loaded and built DATABASE_URL.
"""

from __future__ import annotations

import argparse
import json

import psycopg

from benchmarks.changes import move, reprice
from python_runner.postgres.pool import Connection
from python_runner.settings import postgres_settings
from python_runner.transform import dbt_build

TABLES = """
select
    relname,
    pg_table_size(relid) as table_bytes,
    pg_indexes_size(relid) as index_bytes,
    round(n_tup_hot_upd::numeric / nullif(n_tup_upd, 0), 3)::float as hot_share
from pg_stat_user_tables
where schemaname = 'public' and (relname like '%snapshot' or relname like 'int%')
order by relname
"""


def main() -> None:
    """Print a row a table as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bloat")
    parser.add_argument("--refreshes", type=int, default=50)
    parser.add_argument("--moved", type=float, default=0.01, help="share of holdings that move before each")
    parser.add_argument(
        "--repriced", type=float, default=0.01, help="share of editions whose price changes before each"
    )
    options = parser.parse_args()
    settings = postgres_settings()
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        for _ in range(options.refreshes):
            move(connection, options.moved)
            reprice(connection, options.repriced)
            dbt_build.build(settings, "--resource-type", "model")
        used = sizes(connection)
        dbt_build.build(settings, "--resource-type", "model", "--full-refresh")
        fresh = sizes(connection)
    for table, (table_bytes, index_bytes, hot_share) in used.items():
        row = {
            "table_times": round(table_bytes / fresh[table][0], 2),
            "index_times": round(index_bytes / max(fresh[table][1], 1), 2),
            "hot_share": hot_share,
        }
        print(table, json.dumps(row))  # noqa: T201


def sizes(connection: Connection) -> dict[str, tuple[int, int, float | None]]:
    """Bytes of each table and of its indexes, and the share of updates that touched no index."""
    return {name: (table, index, hot) for name, table, index, hot in connection.execute(TABLES).fetchall()}


if __name__ == "__main__":
    main()
