{#- The relation that holds the copy of a mart during its rebuild; a digest names it, since names have 63 bytes. -#}

{% macro postgres__rebuild_check_copy(mart) -%}
    {%- set name = 'copy_' ~ local_md5(mart.schema ~ '.' ~ mart.identifier) -%}
    {{ return(mart.incorporate(path={'schema': 'delta', 'identifier': name})) }}
{%- endmacro %}
