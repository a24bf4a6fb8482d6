{#- Whether the server stores the SELECT as it stores the existing view's. -#}

{% macro postgres__is_same_view(existing, sql) %}
    {%- set new = make_temp_relation(existing) -%}
    {%- do run_query("create temporary view " ~ new.include(database=false, schema=false) ~ " as (\n" ~ sql ~ "\n)") -%}
    {%- set same = run_query(
        "select pg_get_viewdef('pg_temp." ~ new.include(database=false, schema=false)
        ~ "'::regclass) = pg_get_viewdef('" ~ existing ~ "'::regclass)"
    ).columns[0].values()[0] -%}
    {%- do run_query("drop view pg_temp." ~ new.include(database=false, schema=false)) -%}
    {{ return(same) }}
{% endmacro %}
