-- Statements by total time since the last reset: start with the highest total, not the slowest call.

select
    round(total_exec_time::numeric / 1000, 1)::float as seconds,
    calls,
    round(mean_exec_time::numeric, 1)::float as mean_ms,
    rows,
    shared_blks_read as blocks_read,
    left(regexp_replace(query, '\s+', ' ', 'g'), 50) as statement
from pg_stat_statements
where dbid = (
        select db.oid from pg_database as db
        where db.datname = current_database()
    )
order by total_exec_time desc
limit 10
