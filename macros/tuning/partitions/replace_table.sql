{#-
    Replaces a table by a partitioned one, in one transaction. Writers wait from the first statement on; readers
    wait only from the renaming to the commit. An error leaves everything as it was.
-#}

{% macro postgres__replace_table(relation, by, columns, state) %}
    {%- set new = make_intermediate_relation(relation) -%}
    {%- set old = make_backup_relation(relation, 'table') -%}
    {%- set names = get_quoted_csv(columns) -%}
    {%- do run_query('commit') -%}
    {%- do run_query('begin') -%}
    {%- do run_query(
        "lock table " ~ relation ~ " in share row exclusive mode; drop table if exists " ~ new ~ "; create table " ~ new
        ~ " (like " ~ relation ~ " including all excluding indexes excluding identity excluding statistics) partition by "
        ~ by['kind'] ~ " (" ~ adapter.quote(by['column']) ~ ")"
    ) -%}
    {%- for part in run_query(adapter.dispatch('partitions_sql', 'postgres_tuning')(new, by, relation, relation)) -%}
        {%- do run_query(
            "create table " ~ part['name'] ~ " partition of " ~ new ~ " " ~ part['bounds'] ~ "; alter table " ~ part['name']
            ~ " owner to " ~ state['owner']
        ) -%}
    {%- endfor -%}
    {%- do run_query("insert into " ~ new ~ " (" ~ names ~ ") select " ~ names ~ " from " ~ relation) -%}
    {%- do run_query("analyze " ~ new) -%}
    {%- do adapter.dispatch('prepare_swap', 'postgres_tuning')(relation, new, true) -%}
    {%- do adapter.dispatch('table_replaced', 'postgres_tuning')(relation, new) -%}
    {%- do run_query(
        "alter table " ~ relation ~ " rename to " ~ adapter.quote(old.identifier) ~ "; alter table " ~ new ~ " rename to "
        ~ adapter.quote(relation.identifier)
    ) -%}
    {%- do adapter.dispatch('complete_swap', 'postgres_tuning')(relation) -%}
    {%- do run_query('commit') -%}
{% endmacro %}
