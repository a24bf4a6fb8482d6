{#-
    Overrides dbt's removal of a seed's rows. A full refresh keeps a table that has the columns of the file and no declared
    indexes; another one is replaced, and what hung on it is carried over. Readers do not queue behind TRUNCATE.
-#}

{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {%- if full_refresh -%}
        {%- set new = make_intermediate_relation(old_relation) -%}
        {%- set types = config.get('column_types', {}) -%}
        {%- set columns = [] -%}
        {%- for name in agate_table.column_names -%}
            {%- do columns.append(
                adapter.quote_seed_column(name | string, config.get('quote_columns', none)) ~ ' '
                ~ types.get(name, adapter.convert_type(agate_table, loop.index0))
            ) -%}
        {%- endfor -%}
        {%- do run_query(
            "drop table if exists " ~ new ~ "; create table " ~ new ~ " (" ~ columns | join(', ') ~ ")"
        ) -%}
        {%- set found = adapter.get_columns_in_relation(old_relation) | map('string') | list -%}
        {%- set declared = adapter.get_columns_in_relation(new) | map('string') | list -%}
        {%- if config.get('indexes') or found != declared -%}
            {%- do adapter.rename_relation(old_relation, make_backup_relation(old_relation, 'table')) -%}
            {%- do adapter.rename_relation(new, old_relation) -%}
            {{ return("select") }}
        {%- endif -%}
        {%- do run_query("drop table " ~ new) -%}
    {%- endif -%}
    {%- do run_query(
        "select set_config('swap.carried', jsonb_build_array(jsonb_build_object('place', 1, 'part', 0, 'relation', '"
        ~ old_relation.include(database=false) ~ "'))::text, true)"
    ) -%}
    {%- do adapter.dispatch('lock_swapped', 'postgres_tuning')(old_relation) -%}
    {%- do run_query("truncate table " ~ old_relation) -%}
    {{ return("truncate table " ~ old_relation) }}
{% endmacro %}
