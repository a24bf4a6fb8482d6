{#- Watermarks belong to relations: when partition_table has made a new one of a table, they go over to it. -#}

{% macro postgres__table_replaced(old, new) %}
    {%- call statement('table_replaced') -%}
        do $$
        begin
            if to_regclass('delta.watermarks') is not null then
                update delta.watermarks set reader = '{{ new }}'::regclass where reader = '{{ old }}'::regclass;
                update delta.watermarks set log = '{{ new }}'::regclass where log = '{{ old }}'::regclass;
                update delta.changelog_sizes set changelog = '{{ new }}'::regclass where changelog = '{{ old }}'::regclass;
            end if;
        end
        $$
    {%- endcall -%}
{% endmacro %}
