-- The search field: wallets whose name starts with a prefix.
-- plan: Bitmap Heap Scan on wallet_summary_snapshot

select
    wallet_address,
    display_name,
    moments_total
from {{ ref('wallet_summary_snapshot') }}
where display_name like '{{ var("prefix", "collector-1") }}%'
order by display_name
limit 20
