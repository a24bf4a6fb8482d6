-- Sessions that wait for a lock, the longest first. The blocker may be idle, but its transaction is open.

select
    extract(epoch from now() - waiting.query_start)::float as seconds,
    waiting.pid,
    blocker.pid as blocked_by,
    coalesce(nullif(blocker.application_name, ''), blocker.usename::text) as blocker,
    blocker.state as blocker_is,
    left(regexp_replace(waiting.query, '\s+', ' ', 'g'), 40) as statement
from pg_stat_activity as waiting
cross join lateral unnest(pg_blocking_pids(waiting.pid)) as blocking (pid)
inner join pg_stat_activity as blocker on blocking.pid = blocker.pid
order by seconds desc
