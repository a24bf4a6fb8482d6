-- Protects the leaderboards: each wallet of the summary stands there with the same numbers, unless excluded.

with

excluded_wallets as (
    select * from {{ ref('stg_excluded_wallets') }}
),

summary as (
    select * from {{ ref('wallet_summary_snapshot') }}
),

top_wallets as (
    select * from {{ ref('top_wallets_snapshot') }}
),

by_value as (
    select * from {{ ref('top_wallets_by_value_snapshot') }}
)

select summary.wallet_address
from summary
left join top_wallets on summary.wallet_address = top_wallets.wallet_address
left join by_value on summary.wallet_address = by_value.wallet_address
where
    summary.wallet_address not in (select excluded_wallets.wallet_address from excluded_wallets)
    and (
        summary.moments_total is distinct from top_wallets.total_moments
        or summary.locked_count is distinct from top_wallets.locked_moments
        or summary.unlocked_count is distinct from top_wallets.unlocked_moments
        or summary.moments_total is distinct from by_value.total_moments
        or summary.floor_value is distinct from by_value.floor_value
        or summary.asp_value is distinct from by_value.asp_value
    )
