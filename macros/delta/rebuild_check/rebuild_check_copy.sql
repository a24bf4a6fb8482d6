{#- The relation that holds the copy of a mart during its rebuild. -#}

{% macro postgres__rebuild_check_copy(mart) -%}
    {{ return(mart.incorporate(path={'schema': 'delta', 'identifier': mart.schema ~ '.' ~ mart.identifier})) }}
{%- endmacro %}
