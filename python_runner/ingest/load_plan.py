"""What a load has planned and staged so far, kept beside the stage: a load that was killed continues there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

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
    """The plan is not this process's any more; what is staged is another's, or gone."""


@dataclass(frozen=True)
class Staged:
    """What was read for the stage, in rows: `rejected` were left out, `nulled` lost a value that was no use."""

    fetched: int
    rejected: int = 0
    nulled: int = 0


@dataclass(frozen=True)
class Plan:
    """One load of a source: since when, who holds it, and the statements whose pages are not staged yet, by number."""

    source: Source
    started_at: datetime
    holder: UUID
    left: dict[int, Statement]
    kept: int = 0


def begin(connection: Connection, source: Source, mode: str, statements: Sequence[Statement] = ()) -> Plan:
    """An empty stage and a new plan, instead of whatever there was. Pages may come that no statement stands for."""
    _remove(connection, source)
    raw_schema.create_stage(connection, source, logged=mode == "first")
    started_at, holder = connection.execute(
        """
        insert into raw.load_plans (source, mode, declaration, started_at, statements)
        values (%s, %s, %s, clock_timestamp(), %s)
        returning started_at, holder
        """,
        (source.name, mode, _declaration(source), Jsonb([asdict(s) for s in statements], dumps=_with_numbers)),
    ).fetchone()  # type: ignore[misc]
    return Plan(source, started_at, holder, dict(enumerate(statements)))


def unfinished(connection: Connection, source: Source, mode: str) -> Plan | None:
    """The plan of a load of the same kind that did not come to its end, if it is worth continuing.

    It is this process's from now on: whoever held it can neither stage nor apply any more.
    """
    found = connection.execute(
        SQL(
            """
            update raw.load_plans
            set holder = gen_random_uuid()
            where
                source = %s and mode = %s and declaration = %s and started_at > clock_timestamp() - {oldest}
                and to_regclass(%s) is not null
            returning
                started_at, holder, statements, array(select page from raw.load_pages where source = load_plans.source)
            """
        ).format(oldest=SQL(OLDEST)),
        (source.name, mode, _declaration(source), raw_schema.stage(source).as_string()),
    ).fetchone()
    if found is None:
        return None
    started_at, holder, statements, staged = found
    left = {number: Statement(**s) for number, s in enumerate(statements) if number not in set(staged)}
    return Plan(source, started_at, holder, left, kept=len(staged))


def note_page(connection: Connection, plan: Plan, page: int, fetched: int, dirt: Sequence[Dirt]) -> bool:
    """A page is staged, in the transaction that stages it; False where it is already.

    OvertakenError where another process holds the load. It waits for this transaction before it takes over.
    """
    if not _is_held(connection, plan, "share"):
        raise _overtaken(plan)
    noted = connection.execute(
        """
        insert into raw.load_pages (source, page, rows_fetched, dirt) values (%s, %s, %s, %s)
        on conflict do nothing
        returning page
        """,
        (plan.source.name, page, fetched, Jsonb([asdict(d) for d in dirt], dumps=dumps)),
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


def claim(connection: Connection, plan: Plan) -> bool:
    """Keep other processes from the plan until the transaction that applies it ends; False where it is applied already.

    OvertakenError where another process holds the load, or has begun one of its own.
    """
    if _is_held(connection, plan, "update"):
        return True
    applied = connection.execute(
        "select from raw.load_batches where source = %s and started_at = %s", (plan.source.name, plan.started_at)
    ).fetchone()
    if applied is None:
        raise _overtaken(plan)
    return False


def abandon(connection: Connection, plan: Plan) -> None:
    """Remove the plan with its stage; one that another process has made or taken over stays."""
    if _is_held(connection, plan, "update"):
        _remove(connection, plan.source)


def _is_held(connection: Connection, plan: Plan, strength: Literal["share", "update"]) -> bool:
    held = connection.execute(
        f"select from raw.load_plans where source = %s and holder = %s for {strength}", (plan.source.name, plan.holder)
    ).fetchone()
    return held is not None


def _overtaken(plan: Plan) -> OvertakenError:
    return OvertakenError(
        f"{plan.source.name}: what this load has staged is gone, as another load of it has begun or the server has"
        " crashed: run it again"
    )


def _remove(connection: Connection, source: Source) -> None:
    for table in ("load_plans", "load_pages"):
        connection.execute(f"delete from raw.{table} where source = %s", (source.name,))
    connection.execute(SQL("drop table if exists {}").format(raw_schema.stage(source)))


def _declaration(source: Source) -> str:
    return sha256(source.model_dump_json().encode()).hexdigest()


def _with_numbers(statements: Any) -> str:
    """Keys come from Snowflake as decimals."""
    return json.dumps(statements, default=lambda value: int(value) if isinstance(value, Decimal) else str(value))
