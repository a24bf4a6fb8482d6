{#- On-run-end hook: drops the copies that rebuild_check_save has made. -#}

{% macro rebuild_check_drop() %}
    {{ return(adapter.dispatch('rebuild_check_drop', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__rebuild_check_drop() %}
{%- for mart in adapter.dispatch('rebuild_check_marts', 'delta_models')() %}
drop table if exists {{ adapter.dispatch('rebuild_check_copy', 'delta_models')(mart) }};
{%- endfor %}
{% endmacro %}
