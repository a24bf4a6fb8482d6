{#- Whether the current model takes its rows from Snowflake: an incremental mart, if the var transfer_marts is set. -#}

{% macro is_transferred() %}
    {%- set adds_up = config.get('incremental_strategy') == 'accumulate' -%}
    {{ return(var('transfer_marts', false) and adds_up and config.get('materialized') == 'incremental') }}
{% endmacro %}
