"""`python -m benchmarks.refresh`: what a refresh costs, against the TRUNCATE rebuild, on a loaded and built database.

Each case changes the loaded tables the way a load does, lets dbt refresh the snapshots, rebuilds the same six the old
way into a schema of its own, and compares every row. Times are database time: the sum of what the statements of
either took (pg_stat_statements). DATABASE_URL names the database; it is changed, so use one that may be.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.rebuild import SNAPSHOTS
from python_runner import dbt
from python_runner.postgres import Connection
from python_runner.settings import PostgresSettings, postgres_settings

UNCOMPARED = {"updated_at", "last_synced_at"}
CASES = {
    "unchanged": (0.0, 0.0),
    "moved_0.01pct": (0.0001, 0.0),
    "moved_0.1pct": (0.001, 0.0),
    "moved_1pct": (0.01, 0.0),
    "moved_10pct": (0.1, 0.0),
    "repriced_1pct": (0.0, 0.01),
    "repriced_10pct": (0.0, 0.1),
    "repriced_30pct": (0.0, 0.3),
    "repriced_100pct": (0.0, 1.0),
}

# The wallets of the moved moments go round among them.
MOVE = """
with batch as (
    insert into raw.load_batches (source, mode, baseline, started_at, rows_fetched, rows_rejected)
    values ('wallet_holdings', 'incremental', false, now(), 0, 0)
    returning batch_id
),
moved as (
    select
        h.*,
        lead(wallet_address) over (order by hashint8(nft_id + batch.batch_id)) as receiver,
        batch.batch_id as batch
    from raw.wallet_holdings as h, batch
    where hashint8(nft_id * 7 + batch.batch_id)::bigint + 2147483648 < 4294967296 * %(share)s
),
logged as (
    insert into raw.wallet_holdings_changes (batch_id, weight, nft_id, wallet_address, is_locked, last_event_ts)
    select batch, weight, nft_id, holder, is_locked, event_ts
    from moved
    cross join lateral (
        values (-1, moved.wallet_address, moved.last_event_ts), (1, moved.receiver, now())
    ) as side (weight, holder, event_ts)
    where receiver is not null
    order by nft_id
)
update raw.wallet_holdings as h
set wallet_address = receiver, last_event_ts = now(), batch_id = batch
from moved
where moved.nft_id = h.nft_id and receiver is not null
"""
REPRICE = """
with batch as (
    insert into raw.load_batches (source, mode, baseline, started_at, rows_fetched, rows_rejected)
    values ('edition_price_scrape', 'incremental', false, now(), 0, 0)
    returning batch_id
),
priced as (
    select p.*, batch.batch_id as batch, lowest_ask_usd + 1 as ask, round(avg_sale_usd * 1.01, 2) + 0.01 as sale
    from raw.edition_price_scrape as p, batch
    where hashtext(edition_id || batch.batch_id)::bigint + 2147483648 < 4294967296 * %(share)s
),
logged as (
    insert into raw.edition_price_scrape_changes
        (batch_id, weight, edition_id, lowest_ask_usd, avg_sale_usd, top_sale_usd)
    select batch, -1, edition_id, lowest_ask_usd, avg_sale_usd, top_sale_usd from priced
    union all
    select batch, 1, edition_id, ask, sale, top_sale_usd from priced
)
update raw.edition_price_scrape as p
set lowest_ask_usd = ask, avg_sale_usd = sale, batch_id = batch
from priced
where priced.edition_id = p.edition_id
"""


def main() -> None:
    """Run the chosen cases and print or write the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refresh")
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    parser.add_argument("--output", type=Path, help="write the figures here too")
    parser.add_argument("--full", action="store_true", help="measure a full refresh as well")
    options = parser.parse_args()
    settings = postgres_settings()
    figures: dict[str, Any] = {}
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        connection.execute("create extension if not exists pg_stat_statements")
        prepare(connection)
        for case in options.cases:
            figures[case] = run_case(connection, settings, *CASES[case])
            print(case, json.dumps(figures[case]), flush=True)  # noqa: T201
        if options.full:
            figures["full_refresh"] = {"ours": refresh(connection, settings, "--full-refresh")}
            print("full_refresh", json.dumps(figures["full_refresh"]), flush=True)  # noqa: T201
    if options.output:
        options.output.write_text(json.dumps(figures, indent=2) + "\n")


def run_case(connection: Connection, settings: PostgresSettings, moved: float, repriced: float) -> dict[str, Any]:
    """Change, refresh, rebuild, compare."""
    if moved:
        connection.execute(MOVE, {"share": moved})
        connection.execute("analyze raw.wallet_holdings_changes")
    if repriced:
        connection.execute(REPRICE, {"share": repriced})
        connection.execute("analyze raw.edition_price_scrape_changes")
    connection.execute("checkpoint")
    ours = refresh(connection, settings)
    truncate = rebuild(connection)
    differences = {table: different_rows(connection, table) for table in SNAPSHOTS}
    return {
        "ours": ours,
        "truncate": truncate,
        "speedup": round(truncate["seconds"] / ours["seconds"], 1),
        "equal": not any(differences.values()),
    }


def refresh(connection: Connection, settings: PostgresSettings, *arguments: str) -> dict[str, float]:
    """Let dbt refresh all that is incremental."""
    before = reset(connection)
    models = ("--select", "config.materialized:incremental", "--resource-type", "model")
    built = dbt.build(settings, *models, *arguments)
    return cost(connection, before) | {"wall_seconds": round(built.seconds, 2)}


def prepare(connection: Connection) -> None:
    """Tables like the published ones, with their indexes, for the old way to fill."""
    connection.execute("drop schema if exists bench cascade")
    connection.execute("create schema bench")
    for table in SNAPSHOTS:
        connection.execute(SQL("create table bench.{0} (like public.{0} including all)").format(Identifier(table)))


def rebuild(connection: Connection) -> dict[str, float]:
    """TRUNCATE and INSERT, table by table."""
    before = reset(connection)
    for table, query in SNAPSHOTS.items():
        columns = SQL(", ").join(map(Identifier, compared_columns(connection, table)))
        with connection.transaction():
            connection.execute(SQL("truncate bench.{}").format(Identifier(table)))
            connection.execute(
                SQL("insert into bench.{} ({}, updated_at) select {}, now() from ({}) as q").format(
                    Identifier(table), columns, columns, SQL(query)
                )
            )
    return cost(connection, before)


def different_rows(connection: Connection, table: str) -> int:
    """Rows on one side alone, both ways; an edition that nobody holds is none of the old way's."""
    columns = SQL(", ").join(map(Identifier, compared_columns(connection, table)))
    held = SQL("where total_moments > 0") if table == "editions_snapshot" else SQL("")
    row = connection.execute(
        SQL(
            """
            with ours as (select {columns} from public.{table} {held}), theirs as (select {columns} from bench.{table})
            select count(*) from (
                (select * from ours except all select * from theirs)
                union all
                (select * from theirs except all select * from ours)
            ) as different
            """
        ).format(columns=columns, table=Identifier(table), held=held)
    ).fetchone()
    return int(row[0]) if row else 0


def compared_columns(connection: Connection, table: str) -> list[str]:
    """The columns of a published table that a rebuild must repeat."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " order by attnum",
        (f"public.{table}",),
    ).fetchall()
    return [name for (name,) in rows if name not in UNCOMPARED]


def reset(connection: Connection) -> str:
    """Start the counters; returns the place in the log."""
    connection.execute("select pg_stat_statements_reset()")
    return str((connection.execute("select pg_current_wal_lsn()").fetchone() or [""])[0])


def cost(connection: Connection, before: str) -> dict[str, float]:
    """Seconds in the database, those of the VACUUM and ANALYZE at the end apart, and bytes of log, since `before`."""
    row = connection.execute(
        """
        select
            coalesce(sum(seconds) filter (where not maintains), 0),
            coalesce(sum(seconds) filter (where maintains), 0),
            pg_current_wal_lsn() - %s::pg_lsn
        from (
            select (total_exec_time + total_plan_time) / 1000 as seconds, query like '%%(skip_locked)%%' as maintains
            from pg_stat_statements
        ) as statements
        """,
        (before,),
    ).fetchone()
    seconds, maintenance, wal = row or (0, 0, 0)
    return {
        "seconds": round(float(seconds), 3),
        "maintenance_seconds": round(float(maintenance), 3),
        "wal_bytes": int(wal),
    }


if __name__ == "__main__":
    main()
