{#-
    On-run-start of a full refresh with the var compare_rebuild: keeps the marts as their increments have left them, for
    a test to compare with the rebuild (see rebuild_differences). On-run-end: forgets them.
-#}

{% macro delta_keep() %}
{%- for mart in delta_marts() if flags.FULL_REFRESH and var('compare_rebuild', false) and load_relation(mart) is not none %}
drop table if exists {{ delta_kept(mart) }};
create unlogged table {{ delta_kept(mart) }} as select * from {{ mart }};
{%- endfor %}
{% endmacro %}


{% macro delta_forget() %}
{%- for mart in delta_marts() if flags.FULL_REFRESH and var('compare_rebuild', false) %}
drop table if exists {{ delta_kept(mart) }};
{%- endfor %}
{% endmacro %}


{% macro delta_marts() -%}
    {%- set marts = [] -%}
    {%- for node in (graph.nodes.values() if execute else []) if node.config.get('incremental_strategy') == 'accumulate' -%}
        {%- do marts.append(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -%}
    {%- endfor -%}
    {{ return(marts) }}
{%- endmacro %}


{% macro delta_kept(mart) -%}
    {{ return(mart.incorporate(path={'schema': 'delta', 'identifier': mart.schema ~ '.' ~ mart.identifier})) }}
{%- endmacro %}
