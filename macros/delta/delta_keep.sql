{#-
    On-run-start of a full refresh with the var compare_rebuild: keeps the marts as their increments have left them, for
    a test to compare with the rebuild (see rebuild_differences). On-run-end: forgets them.
-#}

{% macro delta_keep() %}
{%- for mart in delta_marts() if load_relation(mart) is not none %}
drop table if exists {{ delta_kept(mart) }};
create unlogged table {{ delta_kept(mart) }} as select * from {{ mart }};
{%- endfor %}
{% endmacro %}


{% macro delta_forget() %}
{%- for mart in delta_marts() %}
drop table if exists {{ delta_kept(mart) }};
{%- endfor %}
{% endmacro %}


{% macro delta_marts() -%}
    {%- set marts = [] -%}
    {%- set compared = execute and flags.FULL_REFRESH and var('compare_rebuild', false) -%}
    {%- for node in (graph.nodes.values() if compared else []) -%}
        {%- set mart = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- do marts.append(mart) if node.config.get('incremental_strategy') == 'accumulate' -%}
    {%- endfor -%}
    {{ return(marts) }}
{%- endmacro %}


{% macro delta_kept(mart) -%}
    {{ return(mart.incorporate(path={'schema': 'delta', 'identifier': mart.schema ~ '.' ~ mart.identifier})) }}
{%- endmacro %}
