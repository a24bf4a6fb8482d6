{#-
    Called by partition_table of the package postgres_tuning after it has replaced a table by a new one. Watermarks
    belong to relations, so they move to the new table.
-#}

{% macro postgres__table_replaced(old, new) %}
    {%- call statement('table_replaced') -%}
        do $$
        begin
            if to_regclass('delta.watermarks') is not null then
                update delta.watermarks set reader = '{{ new }}'::regclass where reader = '{{ old }}'::regclass;
                update delta.watermarks set log = '{{ new }}'::regclass where log = '{{ old }}'::regclass;
                update delta.contents set reader = '{{ new }}'::regclass where reader = '{{ old }}'::regclass;
                update delta.changelog_sizes set changelog = '{{ new }}'::regclass where changelog = '{{ old }}'::regclass;
            end if;
        end
        $$
    {%- endcall -%}
{% endmacro %}
