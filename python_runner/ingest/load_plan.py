"""Stores which pages a load has planned and staged, so that a load that was killed can be resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from python_runner.errors import RunnerError
from python_runner.ingest.clean import RejectedRow, dumps
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection
from python_runner.snowflake.queries import Statement
from python_runner.sources import Source

# Pages older than this are too outdated to be applied.
MAX_AGE = "interval '24 hours'"


class OvertakenError(RunnerError):
    """Another load of the source has started since; the stage belongs to it."""


@dataclass(frozen=True)
class StagedCounts:
    """Row counts of the staged pages: `rejected` rows were skipped, `nulled` rows lost an unusable value."""

    fetched: int
    rejected: int = 0
    nulled: int = 0


@dataclass(frozen=True)
class Plan:
    """One load of a source: when it started, and the statements of the remaining pages, by page number."""

    source: Source
    started_at: datetime
    remaining: dict[int, Statement]
    pages_kept: int = 0


def begin(connection: Connection, source: Source, mode: str, statements: Sequence[Statement] = ()) -> Plan:
    """Create an empty stage and a new plan in place of any earlier ones. Pages of files have no statement."""
    abandon(connection, source)
    raw_schema.create_stage(connection, source, logged=mode == "first")
    (started_at,) = connection.execute(
        """
        insert into raw.load_plans (source, mode, declaration, started_at, statements)
        values (%s, %s, %s, clock_timestamp(), %s)
        returning started_at
        """,
        (source.name, mode, _declaration(source), Jsonb([asdict(s) for s in statements], dumps=_with_numbers)),
    ).fetchone()  # type: ignore[misc]
    return Plan(source, started_at, dict(enumerate(statements)))


def unfinished(connection: Connection, source: Source, mode: str) -> Plan | None:
    """The plan of an unfinished load with the same mode and declaration, if it is recent enough to resume."""
    found = connection.execute(
        SQL(
            """
            select started_at, statements, array(select page from raw.load_pages where source = load_plans.source)
            from raw.load_plans
            where
                source = %s and mode = %s and declaration = %s and started_at > clock_timestamp() - {max_age}
                and to_regclass(%s) is not null
            """
        ).format(max_age=SQL(MAX_AGE)),
        (source.name, mode, _declaration(source), raw_schema.stage(source).as_string()),
    ).fetchone()
    if found is None:
        return None
    started_at, statements, staged = found
    remaining = {number: Statement(**s) for number, s in enumerate(statements) if number not in set(staged)}
    return Plan(source, started_at, remaining, pages_kept=len(staged))


def record_page(
    connection: Connection, source: Source, page: int, fetched: int, rejects: Sequence[RejectedRow]
) -> bool:
    """Record a page in the transaction that stages it. False if it is already staged."""
    recorded = connection.execute(
        """
        insert into raw.load_pages (source, page, rows_fetched, dirt) values (%s, %s, %s, %s)
        on conflict do nothing
        returning page
        """,
        (source.name, page, fetched, Jsonb([asdict(d) for d in rejects], dumps=dumps)),
    ).fetchone()
    return recorded is not None


def staged_counts(connection: Connection, source: Source) -> StagedCounts:
    """The row counts of all staged pages together."""
    counts = connection.execute(
        """
        select sum(rows_fetched)::bigint, sum(rejected)::bigint, sum(jsonb_array_length(dirt) - rejected)::bigint
        from raw.load_pages
        cross join lateral (
            select count(*) filter (where not (entry ->> 'loaded')::boolean) as rejected
            from jsonb_array_elements(dirt) as entry
        ) as counted
        where source = %s
        """,
        (source.name,),
    ).fetchone()
    return StagedCounts(*(count or 0 for count in counts or ()))


def finish(connection: Connection, plan: Plan) -> bool:
    """Remove the plan in the transaction that applies it. False if an earlier attempt has already applied it.

    OvertakenError if another load of the source has started since.
    """
    removed = connection.execute(
        "delete from raw.load_plans where source = %s and started_at = %s returning source",
        (plan.source.name, plan.started_at),
    ).fetchone()
    if removed:
        return True
    applied = connection.execute(
        "select from raw.load_batches where source = %s and started_at = %s", (plan.source.name, plan.started_at)
    ).fetchone()
    if applied is None:
        raise OvertakenError(f"{plan.source.name}: another load of it has begun meanwhile: wait until that load ends")
    return False


def abandon(connection: Connection, source: Source) -> None:
    """Remove the stage, the plan and the record of its pages."""
    for table in ("load_plans", "load_pages"):
        connection.execute(f"delete from raw.{table} where source = %s", (source.name,))
    connection.execute(SQL("drop table if exists {}").format(raw_schema.stage(source)))


def _declaration(source: Source) -> str:
    return sha256(source.model_dump_json().encode()).hexdigest()


def _with_numbers(statements: Any) -> str:
    """Serialize the keys, which Snowflake returns as decimals, as integers."""
    return json.dumps(statements, default=lambda value: int(value) if isinstance(value, Decimal) else str(value))
