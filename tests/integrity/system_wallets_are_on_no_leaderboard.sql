-- Protects the leaderboards from the wallets that are no collectors.

with

listed as (
    select wallet_address from {{ ref('top_wallets_snapshot') }}
    union all
    select wallet_address from {{ ref('top_wallets_by_team_snapshot') }}
    union all
    select wallet_address from {{ ref('top_wallets_by_tier_snapshot') }}
    union all
    select wallet_address from {{ ref('top_wallets_by_value_snapshot') }}
),

excluded_wallets as (
    select * from {{ ref('stg_excluded_wallets') }}
)

select listed.wallet_address
from listed
inner join excluded_wallets on listed.wallet_address = excluded_wallets.wallet_address
