{#-
    Overrides dbt's `create … if not exists`. dbt removes a view from its cache together with a table that the view
    uses; if carry_dependents has kept the view, it may have an older definition.
-#}

{% macro postgres__get_create_materialized_view_as_sql(relation, sql) %}
    drop materialized view if exists {{ relation }} cascade;
    create materialized view {{ relation }} as {{ sql }};
    {%- for index in config.get('indexes', []) %}
    {{ get_create_index_sql(relation, index) }};
    {%- endfor %}
{% endmacro %}
