{#- Creates the missing partitions of a table, and warns of what it could not do. -#}

{% macro postgres__extend_partitions(owner, by, columns) %}
    {%- set relation = owner.relation -%}
    {%- set state_sql = adapter.dispatch('partition_state_sql', 'postgres_tuning')(relation, by) -%}
    {%- set state = run_query(state_sql)[0] -%}
    {%- if state['found'] != state['declared'] -%}
        {%- do exceptions.warn(
            "create_partitions: " ~ owner.name ~ " is " ~ state['found'] ~ ", declared " ~ state['declared']
            ~ ": dbt run-operation partition_table --args '{table: " ~ owner.name ~ "}'"
        ) -%}
    {%- else -%}
        {%- set missing = adapter.dispatch('partitions_sql', 'postgres_tuning')(
            relation, by, state['rest'] or relation, relation
        ) -%}
        {%- set parts = run_query(missing) -%}
        {%- do run_query('commit') if parts | length -%}
        {%- for part in parts -%}
            {%- do log("partition " ~ part['name'] ~ " " ~ part['bounds'], info=true) -%}
            {%- set add = adapter.dispatch('add_partition_sql', 'postgres_tuning') -%}
            {%- do run_query(add(relation, part, state, columns)) -%}
        {%- endfor -%}
        {%- if parts | length and run_query(missing) | length -%}
            {%- do exceptions.warn(
                "create_partitions: " ~ owner.name ~ " was locked for longer than " ~ var('partition_lock_timeout', '1s')
                ~ ": the next run creates the missing partitions"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
