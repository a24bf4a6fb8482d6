{#- On-run-end: drops what delta_keep has kept. -#}

{% macro delta_forget() %}
{%- for mart in delta_compared() %}
drop table if exists {{ delta_kept(mart) }};
{%- endfor %}
{% endmacro %}
