"""Lists the jobs of the queue, for people and machines."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from python_runner.postgres.pool import Connection

READABLE = """
select case
    when to_regnamespace('jobs') is null or not has_schema_privilege('jobs', 'usage') then false
    else coalesce(has_table_privilege(to_regclass('jobs.errors'), 'select'), false)
end
"""

JOBS = """
select
    job.id,
    job.task_name as job,
    job.args ->> 'source' as source,
    job.status::text as state,
    job.scheduled_at,
    job.attempts,
    (
        select max(event.at) from jobs.procrastinate_events as event
        where event.job_id = job.id and event.type = 'started'
    ) as started_at,
    (
        select max(event.at) from jobs.procrastinate_events as event
        where event.job_id = job.id and event.type <> 'scheduled'
    ) as changed_at,
    (select error.error from jobs.errors as error where error.job_id = job.id order by error.at desc limit 1) as error
from jobs.procrastinate_jobs as job
"""
QUEUED = f"""
with listed as ({JOBS} where job.status = 'todo' order by job.priority desc, job.id)
select id, job, source, coalesce(scheduled_at, changed_at) as due_at, attempts, error from listed
"""
RUNNING = f"""
with listed as ({JOBS} where job.status = 'doing')
select
    id,
    job,
    source,
    started_at as running_since,
    round(extract(epoch from now() - started_at), 1)::float as seconds,
    attempts
from listed
"""
ENDED = f"""
with listed as ({JOBS} where job.status not in ('todo', 'doing'))
select
    id,
    job,
    source,
    state,
    changed_at as ended_at,
    round(extract(epoch from changed_at - started_at), 1)::float as seconds,
    case when state <> 'succeeded' then error end as error
from listed
order by changed_at desc, id desc
limit 10
"""


def read_jobs(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """The queued and running jobs and the last ten that ended; empty before the first use of the queue."""
    if connection.execute(READABLE).fetchone() != (True,):
        return {"queued": [], "running": [], "ended": []}
    with connection.cursor(row_factory=dict_row) as cursor:
        return {
            "queued": cursor.execute(QUEUED).fetchall(),
            "running": cursor.execute(RUNNING).fetchall(),
            "ended": cursor.execute(ENDED).fetchall(),
        }
