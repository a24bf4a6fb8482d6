{#-
    Post-hook. When dbt has swapped in a new table, moves the views and materialized views on the old table to the
    new one, in the same transaction. Without it, dbt drops them together with the old table.
-#}

{% macro carry_dependents() %}
    {{ return(adapter.dispatch('carry_dependents', 'postgres_tuning')()) }}
{% endmacro %}


{% macro postgres__carry_dependents() %}
    {%- set old = load_cached_relation(make_backup_relation(this, 'table')) if execute -%}
    {%- if old -%}
        {%- do adapter.dispatch('move_dependents', 'postgres_tuning')(old, this) -%}
    {%- endif -%}
{% endmacro %}
