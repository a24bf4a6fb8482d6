{#-
    The definitions of the indexes that an existing table should have. Leaves out entries that another index serves;
    it is an error if no such index exists.
-#}

{% macro postgres__wanted_indexes(owner, table) %}
    {%- set wanted = [] -%}
    {%- set served = [] -%}
    {%- for index in owner.indexes -%}
        {%- set define = adapter.dispatch('index_definition', 'postgres_tuning') -%}
        {%- do (served if index.get('covered_by') else wanted).append(define(owner.name, index, table['columns'])) -%}
    {%- endfor -%}
    {%- set serving = (table['indexes'] + wanted) | map(attribute='columns') | list -%}
    {%- for index in owner.indexes if index.get('covered_by') and index['covered_by'] not in serving -%}
        {%- do adapter.dispatch('index_error', 'postgres_tuning')(
            owner.name, 'covered_by', index['covered_by'], "there is no index over these columns"
        ) -%}
    {%- endfor -%}
    {{ return(wanted) }}
{% endmacro %}
