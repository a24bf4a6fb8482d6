{#- The keyword that lets Postgres merge a CTE that is read twice into its readers. Others decide by themselves. -#}

{% macro not_materialized() -%}
    {{ return(adapter.dispatch('not_materialized')()) }}
{%- endmacro %}


{% macro postgres__not_materialized() -%}
    not materialized
{%- endmacro %}


{% macro default__not_materialized() -%}
{%- endmacro %}
