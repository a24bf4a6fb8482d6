{#-
    The condition that keeps every row of a loaded table in a rebuild and outside a dbt run, and no row in an
    increment. It compares ctid, so that the planner expects a scan of all blocks or of none.
    The subquery that --empty makes of a table has no ctid.
-#}

{% macro rows_if_rebuild(input) -%}
    {{ return(adapter.dispatch('rows_if_rebuild', 'delta_models')(input)) }}
{%- endmacro %}


{% macro postgres__rows_if_rebuild(input) -%}
    {%- set parts = input.split('.') -%}
    {%- if source(parts[0], parts[1]).limit is not none -%}
    true
    {%- else -%}
    ctid > {{ adapter.dispatch('delta_setting', 'delta_models')(input, 'beyond', '(0,0)', 'tid') }}
    {%- endif -%}
{%- endmacro %}


{% macro default__rows_if_rebuild(input) -%}
    true
{%- endmacro %}
