-- Estimated size of tables relative to their rows: above 1.5, check that VACUUM keeps up; above 3, rebuild.

with

widths as (
    select
        schemaname,
        tablename,
        28 + sum((1 - null_frac) * avg_width) as row_bytes
    from pg_stats
    group by schemaname, tablename
)

select
    tables.schemaname || '.' || tables.relname as table_name,
    pg_class.relpages * 8192::bigint as bytes,
    tables.n_dead_tup as dead_rows,
    round((
        pg_class.relpages / ceil(greatest(pg_class.reltuples, 1) * widths.row_bytes / 8168.0)
    )::numeric, 2)::float as times_needed
from pg_stat_user_tables as tables
inner join pg_class on tables.relid = pg_class.oid
inner join widths on tables.schemaname = widths.schemaname and tables.relname = widths.tablename
where pg_class.relpages > 128
order by times_needed desc
limit 20
