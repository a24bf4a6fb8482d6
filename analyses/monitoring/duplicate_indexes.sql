-- Indexes whose columns are the first columns of another index, which can serve their queries: drop them.

with

indexes as (
    select
        pg_index.indexrelid,
        pg_index.indrelid,
        pg_index.indisunique,
        pg_index.indnatts,
        (
            select string_agg(concat_ws('/', p.key, p.class, p.option), ' ' order by p.place) || ' '
            from unnest(pg_index.indkey::int[], pg_index.indclass::oid[], pg_index.indoption::int[])
                with ordinality as p (key, class, option, place)
            where p.place <= pg_index.indnkeyatts
        ) as columns
    from pg_index
    inner join pg_stat_user_indexes as known on pg_index.indexrelid = known.indexrelid
    where pg_index.indexprs is null and pg_index.indpred is null and pg_index.indisvalid
)

select
    shorter.indrelid::regclass::text as table_name,
    shorter.indexrelid::regclass::text as index_name,
    longer.indexrelid::regclass::text as covered_by,
    pg_class.relpages * 8192::bigint as bytes
from indexes as shorter
inner join indexes as longer
    on
        shorter.indrelid = longer.indrelid
        and shorter.indexrelid <> longer.indexrelid
        and starts_with(longer.columns, shorter.columns)
inner join pg_class on shorter.indexrelid = pg_class.oid
where
    not shorter.indisunique
    and shorter.indnatts <= longer.indnatts
    and (shorter.columns <> longer.columns or longer.indisunique or shorter.indexrelid > longer.indexrelid)
order by bytes desc
