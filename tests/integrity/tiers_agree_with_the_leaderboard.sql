-- Protects the leaderboard by tier: its rows of a tier make up that tier's column in top_wallets_snapshot.

with

by_tier as (
    select {{ tier_counts('total_moments', ascii_case('tier', 'upper')) }}
    from {{ ref('top_wallets_by_tier_snapshot') }}
),

top_wallets as (
    select
        coalesce(sum(tier_common), 0) as tier_common,
        coalesce(sum(tier_uncommon), 0) as tier_uncommon,
        coalesce(sum(tier_rare), 0) as tier_rare,
        coalesce(sum(tier_legendary), 0) as tier_legendary,
        coalesce(sum(tier_ultimate), 0) as tier_ultimate
    from {{ ref('top_wallets_snapshot') }}
)

select by_tier.*
from by_tier
cross join top_wallets
where
    by_tier.tier_common <> top_wallets.tier_common
    or by_tier.tier_uncommon <> top_wallets.tier_uncommon
    or by_tier.tier_rare <> top_wallets.tier_rare
    or by_tier.tier_legendary <> top_wallets.tier_legendary
    or by_tier.tier_ultimate <> top_wallets.tier_ultimate
