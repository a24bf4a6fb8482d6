{#- Whether the current model takes its rows over from Snowflake: a mart that adds up changes, with the var transfer_marts. -#}

{% macro is_transferred() %}
    {{ return(var('transfer_marts', false) and config.get('incremental_strategy') == 'accumulate' and config.get('materialized') == 'incremental') }}
{% endmacro %}
