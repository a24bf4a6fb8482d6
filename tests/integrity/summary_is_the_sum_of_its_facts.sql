-- Protects each wallet's row: it is the sum of the wallet's facts, and no wallet with a moment lacks it.

{{ config(tags=['full_check']) }}

with

facts as (
    select
        wallet_address,
        sum(moments) as moments,
        sum(locked) as locked,
        {{ tier_counts() }},
        sum(floor_cents) / 100 as floor_value,
        sum(asp_cents) / 100 as asp_value,
        sum(priced_moments) as priced_moments
    from {{ ref('int_wallet_facts') }}
    group by wallet_address
    having sum(moments) <> 0
),

summary as (
    select * from {{ ref('wallet_summary_snapshot') }}
)

select coalesce(summary.wallet_address, facts.wallet_address) as wallet_address
from summary
full join facts on summary.wallet_address = facts.wallet_address
where
    (summary.moments_total, summary.locked_count, summary.floor_value, summary.asp_value)
    is distinct from (facts.moments, facts.locked, facts.floor_value, facts.asp_value)
    or (summary.priced_moments, summary.tier_common, summary.tier_uncommon)
    is distinct from (facts.priced_moments, facts.tier_common, facts.tier_uncommon)
    or (summary.tier_rare, summary.tier_legendary, summary.tier_ultimate)
    is distinct from (facts.tier_rare, facts.tier_legendary, facts.tier_ultimate)
