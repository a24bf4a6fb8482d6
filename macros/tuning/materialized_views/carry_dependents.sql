{#-
    Post-hook of a table that others look at: when dbt has swapped a new table in, the views and materialized views over
    the old one move to the new one in the same transaction, where dbt alone drops them together with the old table.
-#}

{% macro carry_dependents() %}
    {%- set old = load_cached_relation(make_backup_relation(this, 'table')) if execute -%}
    {%- if old -%}
        {%- do adapter.dispatch('move_dependents', 'postgres_tuning')(old, this) -%}
    {%- endif -%}
{% endmacro %}
