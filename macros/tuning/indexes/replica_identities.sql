{#-
    The statements that let published tables take UPDATE and DELETE: a table without primary key gets a unique index over
    columns that are not NULL as its replica identity, or all columns if it has none. It costs nothing while wal_level is
    not logical. An identity that was chosen stays.
-#}

{% macro postgres__replica_identities(relations) %}
    {%- set query -%}
        with recursive

        tables (oid) as (
            {%- for relation in relations %}
            select to_regclass('{{ relation }}')::oid
            union
            {%- endfor %}
            select inhrelid from pg_inherits inner join tables on inhparent = tables.oid
        )

        select format(
            'alter table %s replica identity %s', tables.oid::regclass, coalesce('using index ' || quote_ident(key.relname), 'full')
        ) as statement
        from tables
        inner join pg_class on tables.oid = pg_class.oid
        left join lateral (
            select unique_index.relname
            from pg_index
            inner join pg_class as unique_index on pg_index.indexrelid = unique_index.oid
            where
                pg_index.indrelid = tables.oid and indisunique and indisvalid and indimmediate and indpred is null
                and not exists (
                    select from unnest((indkey::smallint[])[0:indnkeyatts - 1]) as key (attnum)
                    left join pg_attribute on attrelid = tables.oid and pg_attribute.attnum = key.attnum
                    where attnotnull is not true
                )
            order by indnkeyatts, unique_index.relname
            limit 1
        ) as key on true
        where
            relkind in ('r', 'p') and relpersistence = 'p' and relreplident = 'd' and pg_has_role(relowner, 'usage')
            and not exists (select from pg_index where indrelid = tables.oid and indisprimary)
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() if relations else []) }}
{% endmacro %}
