-- Large tables that queries often scan as a whole: find these queries among the slowest statements.

select
    schemaname || '.' || relname as table_name,
    seq_scan as scans,
    seq_tup_read / seq_scan as rows_a_scan,
    coalesce(idx_scan, 0) as index_scans
from pg_stat_user_tables
where seq_scan > 0 and seq_tup_read / seq_scan > 10000
order by seq_tup_read desc
limit 20
