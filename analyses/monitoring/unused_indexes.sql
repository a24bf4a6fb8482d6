-- Indexes that no query has used since the last reset; each slows down writes. Decide after a full week.

select
    known.schemaname || '.' || known.relname as table_name,
    known.indexrelname as index_name,
    pg_class.relpages * 8192::bigint as bytes
from pg_stat_user_indexes as known
inner join pg_index on known.indexrelid = pg_index.indexrelid
inner join pg_class on known.indexrelid = pg_class.oid
where known.idx_scan = 0 and not pg_index.indisunique
order by bytes desc
limit 20
