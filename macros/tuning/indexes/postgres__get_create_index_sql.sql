{#-
    Overrides dbt's CREATE INDEX, which supports only columns, unique and type. dbt calls it for each entry of a
    model's `indexes` when a table is new, before the swap. Returns nothing for an entry that another index serves.
-#}

{% macro postgres__get_create_index_sql(relation, index_dict) -%}
    {%- set known = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set definition = adapter.dispatch('index_definition', 'postgres_tuning')(model.name, index_dict, known) -%}
    {%- if not index_dict.get('covered_by') -%}
        {%- set name = adapter.dispatch('index_name', 'postgres_tuning')(relation, definition) -%}
        {{ definition['create'] }} {{ name }} on {{ relation }} {{ definition['tail'] }}
    {%- endif -%}
{%- endmacro %}
