{#- Where the copy of a mart is kept while it is rebuilt. -#}

{% macro rebuild_check_copy(mart) -%}
    {{ return(mart.incorporate(path={'schema': 'delta', 'identifier': mart.schema ~ '.' ~ mart.identifier})) }}
{%- endmacro %}
