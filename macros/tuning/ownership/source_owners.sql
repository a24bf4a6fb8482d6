{#-
    The target schema that each schema of sources belongs to; none if no target has it and the role cannot create
    tables in it. Only runs of that target change the loaded tables: their indexes and partitions. The first run that
    may change them records its target in a table dbt_target of the schema. A target's own schema is its own.
-#}

{% macro postgres__source_owners() %}
    {%- set owners = {} -%}
    {%- set names = [] -%}
    {%- for schema in graph.sources.values() | map(attribute='schema') | unique if schema != target.schema -%}
        {%- do names.append("'" ~ dbt.escape_single_quotes(schema) ~ "'") -%}
    {%- endfor -%}
    {%- set found -%}
        select
            nspname as name,
            to_regclass(format('%I.dbt_target', nspname)) is not null as is_recorded,
            has_schema_privilege(oid, 'create') as may_change
        from pg_namespace
        where nspname in ({{ names | join(', ') }})
    {%- endset -%}
    {%- set rows = run_query(found) if names else [] -%}
    {%- for row in rows -%}
        {%- set recorded = adapter.quote(row['name']) ~ '.dbt_target' -%}
        {%- set owner = none -%}
        {%- if row['is_recorded'] -%}
            {%- set owner = run_query('select max(schema_name) from ' ~ recorded).columns[0].values()[0] -%}
        {%- elif row['may_change'] -%}
            {%- set owner = target.schema -%}
            {%- do adapter.dispatch('record_source_owner', 'postgres_tuning')(row['name'])
                if flags.WHICH in ['run', 'build'] -%}
        {%- endif -%}
        {%- do owners.update({row['name']: owner}) -%}
    {%- endfor -%}
    {%- for schema in graph.sources.values() | map(attribute='schema') if schema not in owners -%}
        {%- do owners.update({schema: target.schema}) -%}
    {%- endfor -%}
    {{ return(owners) }}
{% endmacro %}
