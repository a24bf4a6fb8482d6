{#- Whether the current model's table exists, according to dbt's cache. -#}

{% macro postgres__table_exists() %}
    {%- set existing = load_cached_relation(this) -%}
    {{ return(existing is not none and existing.is_table) }}
{% endmacro %}
