-- Protects every wallet's numbers: none negative, locked and unlocked make the total, tiers stay within it.

with

counts as (
    select
        wallet_address,
        moments_total,
        locked_count,
        unlocked_count,
        tier_common + tier_uncommon + tier_rare + tier_legendary + tier_ultimate as tiered,
        least(tier_common, tier_uncommon, tier_rare, tier_legendary, tier_ultimate) as smallest_tier,
        priced_moments,
        least(floor_value, asp_value) as smaller_value
    from {{ ref('wallet_summary_snapshot') }}
)

select *
from counts
where
    moments_total < 1
    or least(locked_count, unlocked_count, smallest_tier, priced_moments, smaller_value) < 0
    or locked_count + unlocked_count <> moments_total
    or greatest(tiered, priced_moments) > moments_total
