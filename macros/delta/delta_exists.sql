{#- Whether the current model has a table already, as dbt knows it. -#}

{% macro delta_exists() %}
    {%- set existing = load_cached_relation(this) -%}
    {{ return(existing is not none and existing.is_table) }}
{% endmacro %}
