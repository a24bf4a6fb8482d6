-- Protects each wallet's row: it is the sum of the wallet's facts, and no wallet lacks its row.

with

facts as (
    select
        wallet_address,
        sum(moments) as moments,
        sum(locked) as locked,
        sum(floor_value) as floor_value,
        sum(asp_value) as asp_value,
        sum(priced_moments) as priced_moments
    from {{ ref('int_wallet_facts') }}
    group by wallet_address
),

summary as (
    select * from {{ ref('wallet_summary_snapshot') }}
)

select coalesce(summary.wallet_address, facts.wallet_address) as wallet_address
from summary
full join facts on summary.wallet_address = facts.wallet_address
where
    summary.moments_total is distinct from facts.moments
    or summary.locked_count is distinct from facts.locked
    or summary.floor_value is distinct from facts.floor_value
    or summary.asp_value is distinct from facts.asp_value
    or summary.priced_moments is distinct from facts.priced_moments
