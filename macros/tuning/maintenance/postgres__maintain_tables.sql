{#-
    VACUUM has to stand outside a transaction, so that nothing here can catch its error: it comes last, and in no fixed
    order, lest a broken table keep the same others from theirs every time. What is due is logged before, for a caller
    who can go on. ANALYZE, which calls functions of the user's, is tried. No time limit that is meant for queries ends
    either.
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
