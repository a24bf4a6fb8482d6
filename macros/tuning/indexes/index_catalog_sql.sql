{#-
    The query for the existing tables of these owners: kind, columns, partitions and indexes. For an index: its
    name, key columns, whether it is valid, and the digest in its name if this package or dbt has created it. An
    index that a failed run has left on a partition counts as invalid.
-#}

{% macro postgres__index_catalog_sql(owners) %}
    with

    owners (owner, oid) as (
        values
        {%- for owner in owners %}
        ('{{ owner.name }}', to_regclass('{{ owner.relation }}')){{ ',' if not loop.last }}
        {%- endfor %}
    ),

    tables as (
        select
            owners.owner,
            pg_class.oid,
            pg_class.relkind
        from owners
        inner join pg_class on owners.oid = pg_class.oid
        where pg_class.relkind in ('r', 'p', 'm')
    ),

    members as (
        select
            tables.oid,
            tables.oid as member
        from tables
        union all
        select
            tables.oid,
            partition.relid as member
        from tables
        cross join lateral pg_partition_tree(tables.oid) as partition
        where tables.relkind = 'p' and partition.isleaf
    ),

    indexes as (
        select
            members.oid,
            jsonb_agg(jsonb_build_object(
                'name', format('%s.%I', pg_class.relnamespace::regnamespace, pg_class.relname),
                'digest', case
                    when pg_class.relname ~ '^[0-9a-f]{32}$' then 'dbt'
                    else substring(pg_class.relname from '_([0-9a-f]{8})_[0-9a-f]{8}$')
                end,
                'valid', pg_index.indisvalid and members.member = members.oid,
                'columns', (
                    select jsonb_agg(pg_get_indexdef(pg_class.oid, place, true) order by place)
                    from generate_series(1, pg_index.indnkeyatts) as place
                )
            ) order by pg_class.relname) as found
        from members
        inner join pg_index on members.member = pg_index.indrelid
        inner join pg_class on pg_index.indexrelid = pg_class.oid
        where members.member = members.oid or not pg_class.relispartition
        group by members.oid
    )

    select
        tables.owner,
        jsonb_build_object(
            'kind', tables.relkind,
            'columns', (
                select jsonb_agg(attname) from pg_attribute where attrelid = tables.oid and attnum > 0 and not attisdropped
            ),
            'partitions', (
                select jsonb_agg(member::regclass::text) from members where members.oid = tables.oid and member <> tables.oid
            ),
            'indexes', coalesce(indexes.found, '[]')
        )::text as found
    from tables
    left join indexes on tables.oid = indexes.oid
{% endmacro %}
