{#- Overrides dbt's CREATE TABLE AS so that a mart which is transferred reads its stage instead of its own query. -#}

{% macro postgres__get_create_table_as_sql(temporary, relation, sql) -%}
    {{ return(default__get_create_table_as_sql(temporary, relation, transferred_rows() or sql)) }}
{%- endmacro %}
