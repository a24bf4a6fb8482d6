"""What a load has planned and staged so far, kept beside the stage: a load that was killed continues there."""

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
from python_runner.ingest.clean import Dirt, dumps
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection
from python_runner.snowflake.queries import Statement
from python_runner.sources import Source

# A page read that long ago says too little of today.
OLDEST = "interval '24 hours'"


class OvertakenError(RunnerError):
    """Another load of the source has begun since; what is staged is that one's."""


@dataclass(frozen=True)
class Staged:
    """What was read for the stage, in rows: `rejected` were left out, `nulled` lost a value that was no use."""

    fetched: int
    rejected: int = 0
    nulled: int = 0


@dataclass(frozen=True)
class Plan:
    """One load of a source: since when, and the statements whose pages are not staged yet, by number."""

    source: Source
    started_at: datetime
    left: dict[int, Statement]
    kept: int = 0


def begin(connection: Connection, source: Source, mode: str, statements: Sequence[Statement] = ()) -> Plan:
    """An empty stage and a new plan, instead of whatever there was. Pages may come that no statement stands for."""
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
    """The plan of a load of the same kind that did not come to its end, if it is worth continuing."""
    found = connection.execute(
        SQL(
            """
            select started_at, statements, array(select page from raw.load_pages where source = load_plans.source)
            from raw.load_plans
            where
                source = %s and mode = %s and declaration = %s and started_at > clock_timestamp() - {oldest}
                and to_regclass(%s) is not null
            """
        ).format(oldest=SQL(OLDEST)),
        (source.name, mode, _declaration(source), raw_schema.stage(source).as_string()),
    ).fetchone()
    if found is None:
        return None
    started_at, statements, staged = found
    left = {number: Statement(**s) for number, s in enumerate(statements) if number not in set(staged)}
    return Plan(source, started_at, left, kept=len(staged))


def note_page(connection: Connection, source: Source, page: int, fetched: int, dirt: Sequence[Dirt]) -> bool:
    """A page is staged, in the transaction that stages it; False where it is already."""
    noted = connection.execute(
        """
        insert into raw.load_pages (source, page, rows_fetched, dirt) values (%s, %s, %s, %s)
        on conflict do nothing
        returning page
        """,
        (source.name, page, fetched, Jsonb([asdict(d) for d in dirt], dumps=dumps)),
    ).fetchone()
    return noted is not None


def staged(connection: Connection, source: Source) -> Staged:
    """What all staged pages come to."""
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
    return Staged(*(count or 0 for count in counts or ()))


def finish(connection: Connection, plan: Plan) -> bool:
    """Remove the plan, in the transaction that applies it; False where an earlier attempt has done so.

    OvertakenError where another load of the source has begun since.
    """
    ours = connection.execute(
        "delete from raw.load_plans where source = %s and started_at = %s returning source",
        (plan.source.name, plan.started_at),
    ).fetchone()
    if ours:
        return True
    applied = connection.execute(
        "select from raw.load_batches where source = %s and started_at = %s", (plan.source.name, plan.started_at)
    ).fetchone()
    if applied is None:
        raise OvertakenError(f"{plan.source.name}: another load of it has begun meanwhile: leave this one to that one")
    return False


def abandon(connection: Connection, source: Source) -> None:
    """Remove the stage and all that is known of it."""
    for table in ("load_plans", "load_pages"):
        connection.execute(f"delete from raw.{table} where source = %s", (source.name,))
    connection.execute(SQL("drop table if exists {}").format(raw_schema.stage(source)))


def _declaration(source: Source) -> str:
    return sha256(source.model_dump_json().encode()).hexdigest()


def _with_numbers(statements: Any) -> str:
    """Keys come from Snowflake as decimals."""
    return json.dumps(statements, default=lambda value: int(value) if isinstance(value, Decimal) else str(value))
