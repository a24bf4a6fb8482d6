{#- The marts that this run compares with their rebuild: all, in a full refresh with the var compare_rebuild. -#}

{% macro rebuild_check_marts() -%}
    {%- set marts = [] -%}
    {%- set compared = execute and flags.FULL_REFRESH and var('compare_rebuild', false) -%}
    {%- for node in (graph.nodes.values() if compared else []) -%}
        {%- set mart = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- do marts.append(mart) if node.config.get('incremental_strategy') == 'accumulate' -%}
    {%- endfor -%}
    {{ return(marts) }}
{%- endmacro %}
