{#-
    Makes the indexes of existing tables match their declaration: of the `sources` (meta.indexes) in on-run-start,
    of the `models` that this run has built (config indexes) in on-run-end, of `all` as a run-operation. Creates
    missing indexes, then drops those that are no longer declared or are invalid, all CONCURRENTLY. Keeps indexes
    that neither this package nor dbt has created. Sources that belong to another target stay as they are: see
    source_owners. On-run-start also gives the models' tables a replica identity. With dry_run, an operation only logs
    the statements. Takes one query if nothing differs, and two for the owners of the sources.
-#}

{% macro sync_indexes(which='all', dry_run=false) %}
    {{ return(adapter.dispatch('sync_indexes', 'postgres_tuning')(which, dry_run)) }}
{% endmacro %}


{% macro postgres__sync_indexes(which, dry_run) %}
    {%- if execute and (which == 'all' or flags.WHICH in ['run', 'build']) -%}
        {%- do adapter.dispatch('set_replica_identities', 'postgres_tuning')() if which == 'sources' -%}
        {%- for sentence in (adapter.dispatch('other_owners', 'postgres_tuning')() if which != 'models' else []) -%}
            {%- do log("sync_indexes: skipped sources: " ~ sentence, info=true) -%}
        {%- endfor -%}
        {%- set owners = adapter.dispatch('tuned_tables', 'postgres_tuning')(which) -%}
        {%- set planned = adapter.dispatch('index_plan', 'postgres_tuning') -%}
        {%- set plan = planned(owners) if owners else [] -%}
        {%- set lock = "advisory_lock(hashtextextended('sync_indexes', 0))" -%}
        {%- if plan and not dry_run -%}
            {#- Does not wait for the lock: a waiting session holds a snapshot, which blocks CONCURRENTLY. -#}
            {%- if run_query("select pg_try_" ~ lock).columns[0].values()[0] -%}
                {%- set plan = planned(owners) -%}
            {%- else -%}
                {%- do log("sync_indexes: skipped, because another run is syncing indexes", info=true) -%}
                {%- set plan = [] -%}
            {%- endif -%}
        {%- endif -%}
        {%- do run_query('commit') if plan and not dry_run -%}
        {%- for statement in plan -%}
            {%- do log(statement, info=true) -%}
            {#- Not CONCURRENTLY, on a partitioned table: given up after a second, the next run tries again. -#}
            {%- set limited = "set local lock_timeout = '1s'; " ~ statement -%}
            {%- set try_sql = adapter.dispatch('try_sql', 'postgres_tuning') -%}
            {%- do run_query(statement if ' concurrently ' in statement else try_sql(limited)) if not dry_run -%}
        {%- endfor -%}
        {%- do run_query("select pg_" ~ lock | replace('lock(', 'unlock(')) if plan and not dry_run -%}
    {%- endif -%}
{% endmacro %}
