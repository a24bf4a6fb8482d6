{#-
    On-run-start hook. In a full refresh with the var compare_rebuild, copies each mart before its rebuild, so that
    rebuild_differences can compare the two.
-#}

{% macro rebuild_check_save() %}
    {{ return(adapter.dispatch('rebuild_check_save', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__rebuild_check_save() %}
{%- for mart in adapter.dispatch('rebuild_check_marts', 'delta_models')() if load_relation(mart) is not none %}
{%- set copy = adapter.dispatch('rebuild_check_copy', 'delta_models')(mart) %}
drop table if exists {{ copy }};
create unlogged table {{ copy }} as select * from {{ mart }};
{%- endfor %}
{% endmacro %}
