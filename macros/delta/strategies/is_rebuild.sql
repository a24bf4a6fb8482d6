{#- Whether delta_begin decided to rebuild the current model; logs the reason. Queries the database. -#}

{% macro postgres__is_rebuild() %}
    {%- set reason = run_query("select current_setting('delta.rebuild', true)").columns[0].values()[0] -%}
    {%- if reason -%}
        {{ log(this ~ " is rebuilt: " ~ reason, info=true) }}
    {%- endif -%}
    {{ return(reason | default('', true) | length > 0) }}
{% endmacro %}
