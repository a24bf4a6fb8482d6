{#- Whether --full-refresh, or the model's config full_refresh, requests a rebuild of the current model. -#}

{% macro postgres__full_refresh_requested() %}
    {%- set configured = config.get('full_refresh') -%}
    {{ return(flags.FULL_REFRESH if configured is none else configured) }}
{% endmacro %}
