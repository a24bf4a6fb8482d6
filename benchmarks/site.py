"""`python -m benchmarks.site`: what the site's queries cost, on a loaded and built database that DATABASE_URL names.

Each of analyses/site runs with other wallets, teams and tiers each time: the plan it has, and the median and 99th
percentile of its latency. Beside it what a site without snapshots asks: the live join of the loaded tables, without
indexes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator
from statistics import quantiles
from time import perf_counter
from typing import Any

import psycopg

from benchmarks.compiled import compiled
from benchmarks.variants import PEERS
from python_runner.postgres.pool import Connection
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings, postgres_settings

BY_MOMENTS = "order by total_moments desc, display_name limit 100"
LIVE = {
    "wallet_summary": ("wallet_summary_snapshot", "where wallet_address = '@address@'"),
    "search_wallets": ("wallet_summary_snapshot", "where display_name like '@prefix@%' order by display_name limit 20"),
    "top_wallets": ("top_wallets_snapshot", BY_MOMENTS),
    "top_wallets_by_team": ("top_wallets_by_team_snapshot", f"where team_name = '@team@' {BY_MOMENTS}"),
    "top_wallets_by_tier": ("top_wallets_by_tier_snapshot", f"where tier = '@tier@' {BY_MOMENTS}"),
    "top_wallets_by_value": (
        "top_wallets_by_value_snapshot", "order by floor_value desc, display_name limit 100",
    ),
    "explore_editions": ("editions_snapshot", "where team_name = '@team@' order by lowest_ask_usd limit 50"),
}  # fmt: skip
WITHOUT_INDEXES = "set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off"
TIERS = ("common", "uncommon", "rare", "legendary", "ultimate")


def main() -> None:
    """Print a row a query as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site")
    parser.add_argument("--times", type=int, default=300, help="how often each query of the site runs")
    parser.add_argument("--live", type=int, default=2, help="how often each live join runs")
    options = parser.parse_args()
    settings = postgres_settings()
    with psycopg.connect(settings.conninfo, autocommit=True) as connection:
        choices = pick(connection)
        rebuilt = compiled(settings, PEERS)
        for name, query in site_queries(settings).items():
            row = {"plan": plan(connection, filled(query, choices))} | measure(
                connection, query, choices, options.times
            )
            if name in LIVE:
                table, rest = LIVE[name]
                connection.execute(WITHOUT_INDEXES)
                live = measure(connection, f"select * from ({rebuilt[table]}) as live {rest}", choices, options.live)
                row["live_p50_ms"] = live["p50_ms"]
                connection.execute("reset all")
            print(name, json.dumps(row), flush=True)  # noqa: T201


def site_queries(settings: PostgresSettings) -> dict[str, str]:
    """The site's queries, with @name@ where a choice goes."""
    variables = {name: f"@{name}@" for name in ("address", "team", "tier", "prefix")}
    return compiled(settings, PROJECT, "--select", "path:analyses/site", variables=variables)


def pick(connection: Connection) -> dict[str, list[str]]:
    """Wallets of every size, all teams, all tiers, and beginnings of names."""

    def column(query: str) -> list[str]:
        return [value for (value,) in connection.execute(query.encode()).fetchall()]

    return {
        "address": column("select wallet_address from wallet_summary_snapshot tablesample bernoulli (1)"),
        "team": column("select distinct team_name from editions_snapshot where team_name is not null"),
        "tier": list(TIERS),
        "prefix": column("select distinct left(display_name, 12) from raw.wallet_profiles limit 500"),
    }


def filled(query: str, choices: dict[str, list[str]]) -> str:
    """With one of the choices at each place."""
    for name, values in choices.items():
        query = query.replace(f"@{name}@", random.choice(values).replace("'", "''"))  # noqa: S311
    return query


def measure(connection: Connection, query: str, choices: dict[str, list[str]], times: int) -> dict[str, float]:
    """Milliseconds from the call to the last row."""
    taken = []
    for _ in range(times):
        text = filled(query, choices).encode()
        begin = perf_counter()
        connection.execute(text).fetchall()
        taken.append((perf_counter() - begin) * 1000)
    percentiles = quantiles(taken, n=100, method="inclusive")
    return {"p50_ms": round(percentiles[49], 3), "p99_ms": round(percentiles[98], 3)}


def plan(connection: Connection, query: str) -> str:
    """How the relations are read."""

    def scans(node: dict[str, Any]) -> Iterator[str]:
        if "Relation Name" in node:
            yield f"{node['Node Type']} on {node['Relation Name']}"
        for child in node.get("Plans", ()):
            yield from scans(child)

    row = connection.execute(f"explain (format json) {query}".encode()).fetchone()
    return ", ".join(scans(row[0][0]["Plan"])) if row else ""


if __name__ == "__main__":
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    main()
