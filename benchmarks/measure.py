"""What statements cost the database that runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from python_runner.postgres.pool import Connection

SPENT = """
select
    coalesce(sum(total_exec_time + total_plan_time) / 1000, 0) as seconds,
    coalesce(sum(total_exec_time + total_plan_time) filter (where query ~* '^(vacuum|do.*analyze)') / 1000, 0)
from pg_stat_statements
"""
DEAD = "select coalesce(sum(n_dead_tup), 0) from pg_stat_user_tables where schemaname = %s"


@dataclass(frozen=True)
class Cost:
    """What work took.

    `seconds` is database time: what all statements took, over all connections, of which `maintenance_seconds` in VACUUM
    and ANALYZE. `wall_seconds` is elapsed time, with the start of dbt. `dead_tuples` are left behind.
    """

    seconds: float
    maintenance_seconds: float
    wall_seconds: float
    wal_bytes: int
    dead_tuples: int


def cost(connection: Connection, work: Callable[[], object], schema: str, *, checkpoint: bool = True) -> Cost:
    """Do the work; right after a checkpoint each page that it touches is written whole to the log, as at worst."""

    def number(query: str, *params: object) -> float:
        return float((connection.execute(query, params).fetchone() or (0,))[0])

    if checkpoint:
        connection.execute("checkpoint")
    connection.execute("select pg_stat_statements_reset()")
    log = number("select pg_current_wal_lsn() - '0/0'")
    begin = perf_counter()
    work()
    wall = perf_counter() - begin
    seconds, maintenance = connection.execute(SPENT).fetchone() or (0, 0)
    log = number("select pg_current_wal_lsn() - '0/0'") - log
    connection.execute("select pg_stat_force_next_flush()")
    return Cost(
        round(float(seconds), 3), round(float(maintenance), 3), round(wall, 3), int(log), int(number(DEAD, schema))
    )


def of_turns(costs: Sequence[Cost]) -> dict[str, Any]:
    """The turn with the median of the seconds; `turns` has the seconds of all."""
    return in_the_middle([asdict(each) for each in costs])


def in_the_middle(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of figures that have `seconds`, those of the turn in the middle; `turns` has the seconds of all."""
    middle = sorted(turns, key=lambda turn: float(turn["seconds"]))[(len(turns) - 1) // 2]
    return middle | {"turns": [turn["seconds"] for turn in turns]}
