-- The leaderboard overall: its first hundred wallets.
-- plan: Index Scan on top_wallets_snapshot

select
    wallet_address,
    display_name,
    total_moments,
    unlocked_moments,
    locked_moments
from {{ ref('top_wallets_snapshot') }}
order by total_moments desc, display_name asc
limit {{ bound('limit', 100) }}
