{#- On-run-end: drops what rebuild_check_save has kept. -#}

{% macro rebuild_check_drop() %}
{%- for mart in rebuild_check_marts() %}
drop table if exists {{ rebuild_check_copy(mart) }};
{%- endfor %}
{% endmacro %}
