"""`python -m benchmarks.growth URL …`: what the same changes cost on databases that hold more and more.

Each URL names a loaded and built database. Times are database time, as in benchmarks.refresh; the median of some turns.
After a checkpoint, the first change of a page writes all of it to the log: --no-checkpoint leaves this out.
"""

from __future__ import annotations

import argparse
import json
from statistics import median

import psycopg
from pydantic import SecretStr

from benchmarks.refresh import MOVE, refresh
from python_runner.settings import PostgresSettings


def main() -> None:
    """Print a row a database as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("--changes", type=int, default=10_000, help="holdings that move before each refresh")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--checkpoint", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    for url in options.urls:
        print(json.dumps(measure(url, options)), flush=True)  # noqa: T201


def measure(url: str, options: argparse.Namespace) -> dict[str, float]:
    """Move so many holdings and refresh, some times."""
    settings = PostgresSettings(database_url=SecretStr(url))  # type: ignore[call-arg]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create extension if not exists pg_stat_statements")
        (held,) = connection.execute("select count(*) from raw.wallet_holdings").fetchone() or (0,)
        seconds = []
        for _ in range(options.turns):
            connection.execute(MOVE, {"share": options.changes / held})
            connection.execute("analyze raw.wallet_holdings_changes")
            if options.checkpoint:
                connection.execute("checkpoint")
            seconds.append(refresh(connection, settings)["seconds"])
    return {"held": held, "changes": options.changes, "seconds": median(seconds), "slowest": max(seconds)}


if __name__ == "__main__":
    main()
