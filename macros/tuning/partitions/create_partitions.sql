{#-
    On-run-end hook: creates the missing partitions of tables that declare meta.partition_by. For ranges these are
    the next ones, and those for rows in the default partition, which are moved. Each partition is a transaction of
    its own; if a lock is not available, the next run tries again.
-#}

{% macro create_partitions(which='touched') %}
    {{ return(adapter.dispatch('create_partitions', 'postgres_tuning')(which)) }}
{% endmacro %}


{% macro postgres__create_partitions(which) %}
    {%- if execute and (which == 'all' or flags.WHICH in ['run', 'build']) -%}
        {%- set owners = adapter.dispatch('tuned_tables', 'postgres_tuning')(which) -%}
        {%- for owner in owners if owner.meta.get('partition_by') -%}
            {%- set columns = adapter.dispatch('partition_columns', 'postgres_tuning')(owner.relation) -%}
            {%- if columns -%}
                {%- set unique = owner.indexes | selectattr('unique', 'true') | map(attribute='columns') | list -%}
                {%- set partition_by = adapter.dispatch('partition_by', 'postgres_tuning') -%}
                {%- set by = partition_by(owner.name, owner.meta, unique, columns) -%}
                {%- do adapter.dispatch('extend_partitions', 'postgres_tuning')(owner, by, columns) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
