"""Stores which queries a load reads and which pages it has staged, so that a load that was killed can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from python_runner.errors import RunnerError
from python_runner.ingest.clean import RejectedRow
from python_runner.ingest.kept import dumps
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection
from python_runner.sources import Source

# Snowflake keeps results as long.
MAX_AGE = "interval '24 hours'"


class OvertakenError(RunnerError):
    """This process no longer holds the plan: another process holds it, or the server has crashed."""


@dataclass(frozen=True)
class StagedCounts:
    """Row counts of the staged pages: `rejected` rows were skipped, `nulled` rows lost a value, or a part of it."""

    fetched: int
    rejected: int = 0
    nulled: int = 0


@dataclass(frozen=True)
class Plan:
    """One load of a source: when it started, which process holds it, which queries it reads and what it has staged."""

    source: Source
    started_at: datetime
    holder: UUID
    queries: tuple[str, ...] = ()
    chunks: list[list[int]] | None = None
    staged: frozenset[int] = frozenset()


def begin(connection: Connection, source: Source, mode: str, *, made_of: str = "", queries: Sequence[str] = ()) -> Plan:
    """Create an empty stage and a new plan in place of any earlier ones. One without queries is not resumed."""
    _remove(connection, source)
    raw_schema.create_stage(connection, source, logged=mode == "first")
    started_at, holder = connection.execute(
        """
        insert into raw.load_plans (source, mode, made_of, started_at, queries)
        values (%s, %s, %s, clock_timestamp(), %s)
        returning started_at, holder
        """,
        (source.name, mode, made_of, list(queries)),
    ).fetchone()  # type: ignore[misc]
    return Plan(source, started_at, holder, tuple(queries))


def unfinished(connection: Connection, source: Source, mode: str, *, made_of: str) -> Plan | None:
    """The plan of an unfinished load of the same mode that is made of the same, if its results may still be kept.

    This process holds the plan from now on. An earlier holder can neither stage a page nor apply the load.
    """
    found = connection.execute(
        SQL(
            """
            update raw.load_plans
            set holder = gen_random_uuid()
            where
                source = %s and mode = %s and made_of = %s and started_at > clock_timestamp() - {max_age}
                and queries <> '{{}}' and to_regclass(%s) is not null
            returning
                started_at, holder, queries, chunks,
                array(select page from raw.load_pages where source = load_plans.source)
            """
        ).format(max_age=SQL(MAX_AGE)),
        (source.name, mode, made_of, raw_schema.stage(source).as_string()),
    ).fetchone()
    if found is None:
        return None
    started_at, holder, queries, chunks, staged = found
    return Plan(source, started_at, holder, tuple(queries), chunks, frozenset(staged))


def record_chunks(connection: Connection, plan: Plan, chunks: list[list[int]]) -> None:
    """Record the rows of each chunk of each query, which must be the same when the load is resumed."""
    if not _is_held(connection, plan, "update"):
        raise _overtaken(plan)
    connection.execute("update raw.load_plans set chunks = %s where source = %s", (Jsonb(chunks), plan.source.name))


def record_page(connection: Connection, plan: Plan, page: int, fetched: int) -> bool:
    """Record a page in the transaction that stages it. False if it is already staged.

    OvertakenError if this process no longer holds the plan. A new holder waits for this transaction.
    """
    if not _is_held(connection, plan, "share"):
        raise _overtaken(plan)
    recorded = connection.execute(
        """
        insert into raw.load_pages (source, page, rows_fetched, dirt) values (%s, %s, %s, '[]')
        on conflict do nothing
        returning page
        """,
        (plan.source.name, page, fetched),
    ).fetchone()
    return recorded is not None


def record_dirt(connection: Connection, plan: Plan, page: int, rejects: Sequence[RejectedRow]) -> None:
    """Record the rows of a page that have unusable values."""
    connection.execute(
        "update raw.load_pages set dirt = %s where source = %s and page = %s",
        (Jsonb([asdict(d) for d in rejects], dumps=dumps), plan.source.name, page),
    )


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


def claim(connection: Connection, plan: Plan) -> bool:
    """Lock the plan until the end of the transaction that applies it. False if it has been applied already.

    OvertakenError if this process no longer holds the plan.
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
    """Remove the plan and its stage, unless another process holds them."""
    if _is_held(connection, plan, "update"):
        _remove(connection, plan.source)


def _is_held(connection: Connection, plan: Plan, strength: Literal["share", "update"]) -> bool:
    held = connection.execute(
        f"select from raw.load_plans where source = %s and holder = %s for {strength}", (plan.source.name, plan.holder)
    ).fetchone()
    return held is not None


def _overtaken(plan: Plan) -> OvertakenError:
    return OvertakenError(
        f"{plan.source.name}: the rows that this load has staged are gone, because another load has started or the"
        " server has crashed: run it again"
    )


def _remove(connection: Connection, source: Source) -> None:
    for table in ("load_plans", "load_pages"):
        connection.execute(f"delete from raw.{table} where source = %s", (source.name,))
    connection.execute(SQL("drop table if exists {}").format(raw_schema.stage(source)))
