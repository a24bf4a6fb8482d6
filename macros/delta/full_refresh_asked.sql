{#- Whether the current model starts over because --full-refresh, or its config full_refresh, says so. -#}

{% macro full_refresh_asked() %}
    {%- set configured = config.get('full_refresh') -%}
    {{ return(flags.FULL_REFRESH if configured is none else configured) }}
{% endmacro %}
