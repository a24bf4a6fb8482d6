"""What the status page shows: marts, loads, rejects and jobs from the primary, the standbys, and this process."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from python_runner.api.servers import ANSWERS, SERVED, Missing, Server, Unavailable
from python_runner.api.service import Service

LIMIT_S = 2.5

MARTS = """
select
    relation_name as mart,
    version,
    changed_at,
    round(extract(epoch from now() - changed_at))::bigint as age_seconds,
    round(extract(epoch from changed_at - (
        select max(applied_at) from raw.load_batches
        where applied_at <= changed_at and (baseline or rows_inserted + rows_updated + rows_deleted > 0)
    )))::bigint as seconds_after_load
from delta.versions
order by relation_name
"""
LOADS = """
select
    batch_id as batch,
    source,
    mode,
    applied_at,
    greatest(extract(epoch from applied_at - started_at), 0)::float as seconds,
    rows_fetched as fetched,
    rows_inserted as inserted,
    rows_updated as updated,
    rows_deleted as deleted,
    rows_rejected as rejected
from raw.load_batches
order by batch_id desc
limit 50
"""
REJECTS = """
select source, reason, loaded as loaded_without_the_value, count(*) as rows, max(rejected_at) as rejected_at
from raw.rejected_rows
group by source, reason, loaded
order by source, rows desc, reason
limit 50
"""
JOBS = """
select
    job.id as job_id,
    job.task_name as job,
    case job.status when 'todo' then 'queued' when 'doing' then 'running' else job.status::text end as state,
    case job.status when 'todo' then job.scheduled_at end as due_at,
    job.attempts,
    event.started_at,
    case when event.ended_at >= event.started_at then extract(epoch from ended_at - started_at)::float end as seconds,
    case when job.status <> 'succeeded' then (
        select error from jobs.errors where job_id = job.id order by at desc limit 1
    ) end as error
from jobs.procrastinate_jobs as job
left join lateral (
    select
        max(at) filter (where type = 'started') as started_at,
        max(at) filter (where type in ('succeeded', 'failed', 'aborted', 'cancelled')) as ended_at
    from jobs.procrastinate_events
    where job_id = job.id
) as event on true
order by job.id desc
limit 50
"""
WRITTEN = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as bytes"
REPLAYED = """
select
    pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint as bytes,
    pg_last_xact_replay_timestamp() as replayed_at
"""


@dataclass
class Part:
    """Rows, or the sentence that says why they are left out."""

    query: str = ""
    says: str = ""
    plot: str = ""
    shown: int = 50
    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: str = ""

    async def read(self, server: Server) -> Part:
        """With its rows, if the server has them and the role may read them."""
        try:
            self.rows = await _rows(server, self.query)
        except Missing as error:
            self.left_out = f"Left out: {error}."
        except psycopg.errors.InsufficientPrivilege as error:
            self.left_out = f"Left out: {error.diag.message_primary}. docs/api.md lists the rights of the role."
        except (psycopg.Error, Unavailable, TimeoutError):
            self.left_out = f"Left out: the {server.name} does not answer."
        return self


async def read(service: Service) -> dict[str, Any]:
    """The values of the page. A part that cannot be read says so in its place."""
    parts = {
        "Marts": Part(
            MARTS, "The seconds after a load are those from the last one with changes to the mart's transaction."
        ),
        "Loads": Part(
            LOADS,
            "A load's seconds are from its plan until it was applied. How long dbt takes is recorded by jobs only.",
            "Seconds of the last fifty loads",
            10,
        ),
        "Rejected rows": Part(REJECTS),
        "Jobs": Part(JOBS, plot="Seconds of the last fifty jobs that have ended", shown=10),
    }
    for part in parts.values():
        await part.read(service.primary)
    if any(row["seconds"] is not None for row in parts["Jobs"].rows):  # of loads and dbt
        parts["Loads"].plot = ""
    parts["Standbys"] = await _standbys(service)
    return {"now": datetime.now(UTC).isoformat(), "parts": parts, "process": _process(service)}


async def _rows(server: Server, query: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(LIMIT_S):
        answer = await server.ask(f"select {SERVED}, {ANSWERS['list'].replace('{}', query)}", {})
    return list(json.loads(answer.body or b"[]"))


async def _standbys(service: Service) -> Part:
    written = await Part(WRITTEN).read(service.primary)
    rows = []
    for standby in service.standbys:
        replayed = await Part(REPLAYED).read(standby)
        behind = written.rows[0]["bytes"] - replayed.rows[0]["bytes"] if written.rows and replayed.rows else None
        rows.append(
            {
                "standby": standby.name,
                "is_read_from": standby.seen is not None,
                "bytes_behind": behind if behind is None else max(behind, 0),
                "last_transaction_at": replayed.rows[0]["replayed_at"] if replayed.rows else None,
            }
        )
    return Part(says="" if rows else "None is configured: DATABASE_REPLICA_URL names them.", rows=rows)


def _process(service: Service) -> dict[str, Any]:
    answers = service.metrics.answers
    asked = sum(count for source, count in answers.items() if source != "fallbacks")
    hits = answers["memory"] + answers["shared"]
    named = {f"answers_from_{source}": answers[source] for source in ("memory", "shared", "primary", "live")}
    named |= {f"answers_from_{standby.name}": answers[standby.name] for standby in service.standbys}
    share = f"{hits / asked:.1%}" if asked else None
    gauges = {name: int(value) for name, value in service.gauges().items() if not name.endswith("_usable")}
    return {"process_id": os.getpid(), "hit_share": share, **named, "fallbacks": answers["fallbacks"], **gauges}
