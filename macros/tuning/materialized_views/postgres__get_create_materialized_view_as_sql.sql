{#-
    Overrides dbt's `create … if not exists`: a view that dbt does not know of, because its cache dropped it along with a
    table it reads, may have an older definition.
-#}

{% macro postgres__get_create_materialized_view_as_sql(relation, sql) %}
    drop materialized view if exists {{ relation }} cascade;
    create materialized view {{ relation }} as {{ sql }};
    {%- for index in config.get('indexes', []) %}
    {{ get_create_index_sql(relation, index) }};
    {%- endfor %}
{% endmacro %}
