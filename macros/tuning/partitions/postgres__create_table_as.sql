{#-
    Overrides dbt's CREATE TABLE AS to create a partitioned table if the model declares one. For ranges, the rows
    are computed into a temporary table first, because the ranges depend on them.
-#}

{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- set meta = config.get('meta') or {} -%}
    {%- set columns_of = adapter.dispatch('partition_columns', 'postgres_tuning') -%}
    {%- set partition_by = adapter.dispatch('partition_by', 'postgres_tuning') -%}
    {%- set unique = adapter.dispatch('unique_keys', 'postgres_tuning')(model) -%}
    {%- if not temporary and relation.identifier != this.identifier and load_cached_relation(this) -%}
        {#- Fails before the rows are computed if the swap would. -#}
        {%- do adapter.dispatch('find_carried', 'postgres_tuning')(this, this) -%}
    {%- endif -%}
    {%- if not meta.get('partition_by') -%}
        {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
    {%- elif temporary -%}
        {%- do partition_by(model.name, meta, unique, columns_of(this)) -%}
        {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
    {%- else -%}
        {%- set rows = adapter.quote(relation.identifier[:50] ~ '__rows') -%}
        {%- do run_query(config.get('sql_header') or '') if config.get('sql_header') -%}
        {%- do run_query('create temporary table ' ~ rows ~ ' on commit drop as (' ~ sql ~ ') with no data') -%}
        {%- set columns = columns_of(rows) -%}
        {%- set names = get_quoted_csv(columns) -%}
        {%- set by = partition_by(model.name, meta, unique, columns) -%}
        {%- if config.get('unlogged') -%}
            {%- do adapter.dispatch('partition_error', 'postgres_tuning')(
                model.name, 'partition_by', by['column'], "a table with partitions cannot be unlogged"
            ) -%}
        {%- endif -%}
        {%- do run_query('insert into ' ~ rows ~ ' ' ~ sql) if by['kind'] == 'range' -%}
        create table {{ relation }}
        {%- if config.get('contract').enforced %}
            {{ get_assert_columns_equivalent(sql) }}
            {{ get_table_columns_and_constraints() }}
        {%- else %}
            (like {{ rows }})
        {%- endif %}
        partition by {{ by['kind'] }} ({{ adapter.quote(by['column']) }});
        {%- for part in run_query(adapter.dispatch('partitions_sql', 'postgres_tuning')(relation, by, rows, rows)) %}
        create table {{ part['name'] }} partition of {{ relation }} {{ part['bounds'] }};
        {%- endfor %}
        insert into {{ relation }} ({{ names }})
        select {{ names }} from {{ rows if by['kind'] == 'range' else '(' ~ sql ~ ') as computed' }}
    {%- endif -%}
{%- endmacro %}
