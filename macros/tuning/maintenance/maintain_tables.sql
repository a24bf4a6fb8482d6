{#-
    VACUUM cannot run in a transaction block, so its errors cannot be caught here. It runs last and in random order,
    so that a damaged table does not block the same other tables in every run. The due statements are logged first, for a
    caller that can run the rest. ANALYZE can call user-defined functions, so its errors are caught.
    statement_timeout is off for both.
-#}

{% macro postgres__maintain_tables(which, regardless) %}
    {%- set tables = adapter.dispatch('tuned_tables', 'postgres_tuning')(which) -%}
    {%- set due = adapter.dispatch('maintenance_sql', 'postgres_tuning') -%}
    {%- set try_sql = adapter.dispatch('try_sql', 'postgres_tuning') -%}
    {%- set plan = run_query(due(tables, regardless)) if tables else [] -%}
    {%- if plan -%}
        {%- do run_query('commit') -%}
        {%- do run_query('set statement_timeout = 0') -%}
    {%- endif -%}
    {%- for table in plan if table['analyze_due'] -%}
        {%- do run_query(try_sql('analyze (skip_locked) ' ~ table['name'])) -%}
    {%- endfor -%}
    {%- set vacuums = [] -%}
    {%- for table in plan if table['vacuum_due'] -%}
        {%- do vacuums.append('vacuum (skip_locked) ' ~ table['name']) -%}
    {%- endfor -%}
    {%- do log('maintenance: ' ~ tojson(vacuums)) -%}
    {%- for vacuum in vacuums -%}
        {%- do run_query(vacuum) -%}
    {%- endfor -%}
{% endmacro %}
