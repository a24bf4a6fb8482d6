{#- Operation for a quiet hour, weekly say: VACUUM and ANALYZE for every table of the project, whatever has changed. -#}

{% macro maintain() %}
    {%- if execute -%}
        {%- do adapter.dispatch('maintain_tables', 'postgres_tuning')('all', true) -%}
    {%- endif -%}
{% endmacro %}
