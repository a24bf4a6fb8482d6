-- The share of a table's block reads found in shared_buffers: above 0.99 for a table that is read often.

select
    schemaname || '.' || relname as table_name,
    heap_blks_read + coalesce(idx_blks_read, 0) as blocks_read,
    round(
        (heap_blks_hit + coalesce(idx_blks_hit, 0))::numeric
        / (heap_blks_hit + coalesce(idx_blks_hit, 0) + heap_blks_read + coalesce(idx_blks_read, 0)), 3
    )::float as hit_ratio
from pg_statio_user_tables
where heap_blks_hit + heap_blks_read > 0
order by blocks_read desc
limit 20
