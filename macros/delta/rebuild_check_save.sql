{#-
    On-run-start of a full refresh with the var compare_rebuild: keeps the marts as their increments have left them, for
    a test to compare with the rebuild (see rebuild_differences).
-#}

{% macro rebuild_check_save() %}
{%- for mart in rebuild_check_marts() if load_relation(mart) is not none %}
drop table if exists {{ rebuild_check_copy(mart) }};
create unlogged table {{ rebuild_check_copy(mart) }} as select * from {{ mart }};
{%- endfor %}
{% endmacro %}
