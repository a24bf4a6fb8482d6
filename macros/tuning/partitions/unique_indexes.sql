{#- The unique indexes that a table has, each a list of columns. -#}

{% macro postgres__unique_indexes(relation) %}
    {%- set query -%}
        select coalesce(jsonb_agg(columns), '[]')::text
        from pg_index
        cross join lateral (
            select jsonb_agg(attname) as columns from pg_attribute
            where attrelid = indrelid and attnum = any((indkey::smallint[])[0:indnkeyatts - 1])
        ) as named
        where indrelid = '{{ relation }}'::regclass and indisunique and indisvalid
    {%- endset -%}
    {{ return(fromjson(run_query(query).columns[0].values()[0])) }}
{% endmacro %}
