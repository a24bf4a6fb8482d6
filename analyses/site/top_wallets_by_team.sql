-- The leaderboard by team: its first hundred wallets.
-- plan: Index Scan on top_wallets_by_team_snapshot

select
    wallet_address,
    display_name,
    total_moments,
    unlocked_moments,
    locked_moments
from {{ ref('top_wallets_by_team_snapshot') }}
where team_name = {{ bound('team', 'Dallas Cowboys') }}
order by total_moments desc, display_name asc
limit {{ bound('limit', 100) }}
