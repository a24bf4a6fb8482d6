-- The leaderboard by value: its first hundred wallets.
-- plan: Index Scan on top_wallets_by_value_snapshot

select
    wallet_address,
    display_name,
    total_moments,
    floor_value,
    asp_value
from {{ ref('top_wallets_by_value_snapshot') }}
order by floor_value desc, display_name asc
limit 100
