{#-
    Operation: lists the tables that are heaps of more rows than `rows` (or the var heap_rows), with a declaration that fits:
    ranges of a time or the hash of a column that is in every unique key.
-#}

{% macro outgrown_tables(rows=none) %}
    {%- if execute -%}
        {%- set most = var('heap_rows', 50000000) if rows is none else rows -%}
        {%- set tables = adapter.dispatch('tuned_tables', 'postgres_tuning')('all') -%}
        {%- set outgrown_sql = adapter.dispatch('outgrown_sql', 'postgres_tuning') -%}
        {%- set outgrown = run_query(outgrown_sql(tables, most)) if tables else [] -%}
        {%- for table in outgrown -%}
            {%- do log(table['name'] ~ ": " ~ table['size'] ~ " rows in a heap: " ~ table['suggestion'], info=true) -%}
        {%- else -%}
            {%- do log("no heap has more than " ~ most ~ " rows", info=true) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
