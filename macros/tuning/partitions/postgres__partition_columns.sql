{#- A table's columns but for generated ones, by name the type without precision; none where it is not there. -#}

{% macro postgres__partition_columns(relation) %}
    {%- set columns = {} -%}
    {%- set found -%}
        select
            attname as name,
            atttypid::regtype::text as type
        from pg_attribute
        where attrelid = to_regclass('{{ relation }}') and attnum > 0 and not attisdropped and attgenerated = ''
        order by attnum
    {%- endset -%}
    {%- for column in run_query(found) -%}
        {%- do columns.update({column['name']: column['type']}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{% endmacro %}
