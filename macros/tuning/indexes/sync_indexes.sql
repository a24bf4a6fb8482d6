{#-
    Makes the indexes of tables that exist be those that are declared: of the `sources` (meta.indexes) on-run-start, of the
    `models` that this run has built (config indexes) on-run-end, of `all` as a run-operation. What is missing is made,
    then what is no longer declared, or was left invalid, is dropped, CONCURRENTLY; indexes of other makers stay. An
    operation with dry_run only says what it would do. Where nothing differs it is one query.
-#}

{% macro sync_indexes(which='all', dry_run=false) %}
    {%- if execute and (which == 'all' or flags.WHICH in ['run', 'build']) -%}
        {%- set owners = adapter.dispatch('tuned_tables', 'postgres_tuning')(which) -%}
        {%- set planned = adapter.dispatch('index_plan', 'postgres_tuning') -%}
        {%- set plan = planned(owners) if owners else [] -%}
        {%- set lock = "advisory_lock(hashtextextended('sync_indexes', 0))" -%}
        {%- if plan and not dry_run -%}
            {#- Whoever waited for the lock would hold a snapshot, for which CONCURRENTLY waits in turn. -#}
            {%- if run_query("select pg_try_" ~ lock).columns[0].values()[0] -%}
                {%- set plan = planned(owners) -%}
            {%- else -%}
                {%- do log("sync_indexes: another run is at it", info=true) -%}
                {%- set plan = [] -%}
            {%- endif -%}
        {%- endif -%}
        {%- do run_query('commit') if plan and not dry_run -%}
        {%- for statement in plan -%}
            {%- do log(statement, info=true) -%}
            {%- do run_query(statement) if not dry_run -%}
        {%- endfor -%}
        {%- do run_query("select pg_" ~ lock | replace('lock(', 'unlock(')) if plan and not dry_run -%}
    {%- endif -%}
{% endmacro %}
