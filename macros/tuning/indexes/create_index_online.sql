{#-
    The statements that add an index while others read and write. CONCURRENTLY is not supported for a partitioned
    table: its index is created on each partition and then attached.
-#}

{% macro postgres__create_index_online(relation, definition, partitions) %}
    {%- set index_name = adapter.dispatch('index_name', 'postgres_tuning') -%}
    {%- set name = index_name(relation, definition) -%}
    {%- if not partitions -%}
        {{ return([definition['create'] ~ ' concurrently ' ~ name ~ ' on ' ~ relation ~ ' ' ~ definition['tail']]) }}
    {%- endif -%}
    {%- set statements = [definition['create'] ~ ' ' ~ name ~ ' on only ' ~ relation ~ ' ' ~ definition['tail']] -%}
    {%- set schema = adapter.quote(relation.schema) ~ '.' -%}
    {%- for partition in partitions -%}
        {%- set part = index_name(api.Relation.create(identifier=partition), definition) -%}
        {%- do statements.append(
            definition['create'] ~ ' concurrently ' ~ part ~ ' on ' ~ partition ~ ' ' ~ definition['tail']
        ) -%}
        {%- do statements.append('alter index ' ~ schema ~ name ~ ' attach partition ' ~ schema ~ part) -%}
    {%- endfor -%}
    {{ return(statements) }}
{% endmacro %}
