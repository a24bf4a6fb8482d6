{#- Run-operation: VACUUM and ANALYZE for every table of the project, whether due or not. For a quiet hour. -#}

{% macro maintain() %}
    {{ return(adapter.dispatch('maintain', 'postgres_tuning')()) }}
{% endmacro %}


{% macro postgres__maintain() %}
    {%- if execute -%}
        {%- do adapter.dispatch('maintain_tables', 'postgres_tuning')('all', true) -%}
    {%- endif -%}
{% endmacro %}
