{#-
    Run-operation: partitions an existing table as declared, in one transaction, and keeps its rows, indexes,
    constraints and everything else that hangs on it. Readers continue until the end; writers wait.
-#}

{% macro partition_table(table) %}
    {{ return(adapter.dispatch('partition_table', 'postgres_tuning')(table)) }}
{% endmacro %}


{% macro postgres__partition_table(table) %}
    {%- set owner = adapter.dispatch('tuned_tables', 'postgres_tuning')('all')
        | selectattr('name', 'equalto', table) | list | first -%}
    {%- if execute and not (owner and owner.meta.get('partition_by')) -%}
        {{ exceptions.raise_compiler_error(
            "partition_table: " ~ table ~ (
                " declares no meta.partition_by" if owner else ([
                    " is no model or source.table"
                ] + adapter.dispatch('other_owners', 'postgres_tuning')()) | join(", or ")
            )
        ) }}
    {%- elif execute -%}
        {%- set columns = adapter.dispatch('partition_columns', 'postgres_tuning')(owner.relation) -%}
        {%- if not columns -%}
            {{ exceptions.raise_compiler_error("partition_table: " ~ table ~ " does not exist: build or load it") }}
        {%- endif -%}
        {%- set unique = adapter.dispatch('unique_indexes', 'postgres_tuning')(owner.relation) -%}
        {%- set by = adapter.dispatch('partition_by', 'postgres_tuning')(owner.name, owner.meta, unique, columns) -%}
        {%- set state = run_query(adapter.dispatch('partition_state_sql', 'postgres_tuning')(owner.relation, by))[0] -%}
        {%- if state['found'] == state['declared'] -%}
            {%- do log("partition_table: " ~ table ~ " is " ~ state['found'] ~ " already", info=true) -%}
        {%- else -%}
            {%- do adapter.dispatch('replace_table', 'postgres_tuning')(owner.relation, by, columns, state) -%}
            {%- do log("partition_table: " ~ table ~ " is " ~ state['declared'] ~ " now", info=true) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
