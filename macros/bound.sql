{#-
    A value of a query in analyses/site: a literal in dbt, of the var with this name or of the example; a bound parameter
    where the API asks the query.
-#}

{% macro bound(name, example) -%}
    {%- set value = var(name, example) -%}
    {{ 'null' if value is none else value if value is number else "'" ~ value | replace("'", "''") ~ "'" }}
{%- endmacro %}
