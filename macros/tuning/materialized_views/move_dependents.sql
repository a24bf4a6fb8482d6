{#-
    Moves the views and materialized views on a table to another table. A view that does not fit, because it uses a
    column that no longer exists, is dropped with a warning.
-#}

{% macro postgres__move_dependents(old, new) %}
    {%- set dependents = run_query(adapter.dispatch('dependents_sql', 'postgres_tuning')(old, new)) -%}
    {%- for dependent in dependents | reverse -%}
        {%- do run_query("drop " ~ dependent["kind"] ~ " if exists " ~ dependent["name"] ~ " cascade") -%}
    {%- endfor -%}
    {%- for dependent in dependents -%}
        {%- do run_query(adapter.dispatch('try_sql', 'postgres_tuning')(dependent["statements"])) -%}
        {%- set relation = api.Relation.create(
            database=new.database, schema=dependent["schema_name"], identifier=dependent["identifier"],
            type=dependent["kind"] | replace(' ', '_')
        ) -%}
        {#- dbt has removed the view from its cache, together with the old table. -#}
        {%- do adapter.cache_dropped(relation) -%}
        {%- if run_query("select to_regclass('" ~ dependent["name"] ~ "')").columns[0].values()[0] -%}
            {%- do adapter.cache_added(relation) -%}
        {%- else -%}
            {%- do exceptions.warn(
                "carry_dependents: " ~ relation ~ " does not fit the new " ~ new ~ " and is dropped: build it again"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
