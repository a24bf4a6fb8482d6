{#-
    The columns of a table without generated ones: a dict of names and types without precision. Empty if the table
    does not exist.
-#}

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
