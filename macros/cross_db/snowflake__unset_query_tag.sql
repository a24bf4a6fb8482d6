{#- Overrides dbt's macro: no tag stays in a session that another model uses. -#}

{% macro snowflake__unset_query_tag(original_query_tag) -%}
    {%- do run_query('alter session unset query_tag') -%}
{%- endmacro %}
