{#-
    Overrides dbt's replacement of a materialized view in a full refresh. A view whose definition is the same is refreshed.
    Another one is built beside it, so that readers do not wait for the computation, and then swapped.
-#}

{% macro postgres__get_replace_sql(existing_relation, target_relation, sql) %}
    {%- set new = make_intermediate_relation(target_relation) -%}
    {%- do adapter.dispatch('find_carried', 'postgres_tuning')(existing_relation, existing_relation) -%}
    {%- do run_query(
        "drop materialized view if exists " ~ new ~ "; create materialized view " ~ new ~ " as " ~ sql ~ " with no data"
    ) -%}
    {%- set same -%}
        select pg_get_viewdef('{{ new }}'::regclass) = pg_get_viewdef('{{ existing_relation }}'::regclass)
    {%- endset -%}
    {%- if existing_relation.is_materialized_view and run_query(same).columns[0].values()[0] -%}
        {%- do run_query("drop materialized view " ~ new) -%}
        {{ return(refresh_materialized_view(target_relation)) }}
    {%- endif -%}
    {%- do run_query("refresh materialized view " ~ new) -%}
    {%- do create_indexes(new) -%}
    {%- do run_query("analyze " ~ new) -%}
    {%- do adapter.rename_relation(existing_relation, make_backup_relation(target_relation, existing_relation.type)) -%}
    {%- do adapter.rename_relation(new, target_relation) -%}
    {{ return("select") }}
{% endmacro %}
