{#-
    On-run-end: makes the partitions that tables declared under meta.partition_by lack: of ranges the next ones, and those of
    the rows in the default partition, which move. Each is a transaction; one that gets no lock is left to the next run.
-#}

{% macro create_partitions(which='touched') %}
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
