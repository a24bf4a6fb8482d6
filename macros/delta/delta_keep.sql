{#-
    On-run-start of a full refresh with the var compare_rebuild: keeps the marts as their increments have left them, for
    a test to compare with the rebuild (see rebuild_differences).
-#}

{% macro delta_keep() %}
{%- for mart in delta_compared() if load_relation(mart) is not none %}
drop table if exists {{ delta_kept(mart) }};
create unlogged table {{ delta_kept(mart) }} as select * from {{ mart }};
{%- endfor %}
{% endmacro %}
