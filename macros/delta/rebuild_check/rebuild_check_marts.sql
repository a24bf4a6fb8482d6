{#- The marts that this run compares with their rebuild: all of them in a full refresh with the var compare_rebuild. -#}

{% macro postgres__rebuild_check_marts() -%}
    {%- set marts = [] -%}
    {%- set is_checked = execute and flags.FULL_REFRESH and var('compare_rebuild', false) -%}
    {%- for node in (graph.nodes.values() if is_checked else []) -%}
        {%- set mart = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- do marts.append(mart) if node.config.get('incremental_strategy') == 'accumulate' -%}
    {%- endfor -%}
    {{ return(marts) }}
{%- endmacro %}
