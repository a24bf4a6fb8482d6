{#-
    Hook before and after every model and seed. Fails if the run lock is lost that `runner` took before it called dbt, so
    that nothing is committed without it. The session that holds the lock is in RUN_LOCK_PID; plain dbt has no lock.
-#}

{% macro check_run_lock() -%}
    {%- set holder = env_var('RUN_LOCK_PID', '') if execute -%}
    {%- if holder -%}
    do $$
    begin
        if not exists (
            select from pg_locks
            where
                locktype = 'advisory' and granted and pid = {{ holder | int }}
                and database = (select oid from pg_database where datname = current_database())
                and (classid::bigint << 32) | objid::bigint = hashtextextended('collectibles_runner', 0)
        ) then
            raise exception 'the run has lost its lock: run it again';
        end if;
    end
    $$
    {%- endif -%}
{%- endmacro %}
