{#-
    Overrides dbt's query tag: every statement of a model carries its name and its run, so that the query history of Snowflake
    can add up what a model, or a run, has cost. docs/snowflake.md shows the query.
-#}

{% macro snowflake__set_query_tag() -%}
    {%- set tag = {'project': project_name, 'model': model.name, 'run': invocation_id} -%}
    {%- do run_query("alter session set query_tag = '" ~ tojson(tag) ~ "'") -%}
{%- endmacro %}
