{#-
    Whether delta_begin decided that this model starts over; says why. Only for the strategies: it asks the
    database.
-#}

{% macro delta_rebuilds() %}
    {%- set reason = run_query("select current_setting('delta.rebuild', true)").columns[0].values()[0] -%}
    {%- if reason -%}
        {{ log(this ~ " is rebuilt: " ~ reason, info=true) }}
    {%- endif -%}
    {{ return(reason | default('', true) | length > 0) }}
{% endmacro %}
