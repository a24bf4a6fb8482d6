{#- Whether the holder is on leaderboards. -#}

{% macro of_collectors() -%}
    wallet_address not in ('0xe4cf4bdc1751c65d', '0xb6f2481eba4df97b')
{%- endmacro %}
