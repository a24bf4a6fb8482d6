-- The search field: wallets whose name starts with a prefix. Such names are below the prefix with the last
-- code point.
-- plan: Index Scan on wallet_summary_snapshot

select
    wallet_address,
    display_name,
    moments_total
from {{ ref('wallet_summary_snapshot') }}
where
    display_name ~>=~ {{ bound('prefix', 'collector-1') }}
    and display_name ~<~ ({{ bound('prefix', 'collector-1') }} || chr(1114111))
order by display_name using ~<~
limit {{ bound('limit', 20) }}
