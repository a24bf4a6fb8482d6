{#-
    Run-operation: lists the unpartitioned tables with more rows than `rows` (default: the var heap_rows), each with
    a suitable declaration: ranges of a time, or the hash of a column that is in every unique key.
-#}

{% macro outgrown_tables(rows=none) %}
    {{ return(adapter.dispatch('outgrown_tables', 'postgres_tuning')(rows)) }}
{% endmacro %}


{% macro postgres__outgrown_tables(rows) %}
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
