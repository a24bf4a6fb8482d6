{#-
    The query for unpartitioned tables with more rows than `most` according to the statistics: name, size, and a
    suitable declaration.
-#}

{% macro postgres__outgrown_sql(tables, most) %}
    with

    tables (name, oid) as (
        values
        {%- for table in tables %}
        ('{{ table.name }}', to_regclass('{{ table.relation }}')){{ ',' if not loop.last }}
        {%- endfor %}
    ),

    heaps as (
        select
            tables.name,
            tables.oid,
            pg_class.reltuples::bigint as size
        from tables
        inner join pg_class on tables.oid = pg_class.oid
        where pg_class.relkind = 'r' and pg_class.reltuples > {{ most }}
    ),

    -- Candidates for the partition column: the columns that are in every unique index, in table order.
    candidates as (
        select
            heaps.oid,
            pg_attribute.attname,
            pg_attribute.attnum,
            pg_attribute.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) as timely,
            exists (select from pg_index where indrelid = heaps.oid and indisunique) as keyed
        from heaps
        inner join pg_attribute on heaps.oid = pg_attribute.attrelid and pg_attribute.attnum > 0
        where
            not pg_attribute.attisdropped
            and not exists (
                select from pg_index
                where
                    indrelid = heaps.oid and indisunique
                    and pg_attribute.attnum <> all((indkey::smallint[])[0:indnkeyatts - 1])
            )
    ),

    chosen as (
        select distinct on (oid)
            oid,
            attname,
            timely
        from candidates
        where timely or keyed
        order by oid, timely desc, attnum
    )

    select
        heaps.name,
        heaps.size,
        case
            when chosen.timely then format('partition_by: {range: %s, interval: month}', chosen.attname)
            when chosen.oid is not null then format(
                'partition_by: {hash: %s, partitions: %s}', chosen.attname,
                power(2, ceil(log(2, greatest(2, heaps.size / 10000000.0)::numeric)))::integer
            )
            else 'no column is a time or in every unique key: choose one'
        end as suggestion
    from heaps
    left join chosen on heaps.oid = chosen.oid
    order by heaps.size desc
{% endmacro %}
