-- Protects the leaderboards by team and by tier: each row is the sum of its facts, no group lacks its row.

{{ config(tags=['full_check']) }}

with

excluded_wallets as (
    select * from {{ ref('stg_excluded_wallets') }}
),

facts as (
    select * from {{ ref('int_wallet_facts') }}
    where wallet_address not in (select excluded_wallets.wallet_address from excluded_wallets)
),

signed as (
    select
        'team' as board,
        team_name as name,
        wallet_address,
        moments,
        locked
    from facts
    where team_name is not null
    union all
    select
        'tier' as board,
        {{ ascii_case('tier', 'lower') }} as name,
        wallet_address,
        moments,
        locked
    from facts
    where tier is not null
    union all
    select
        'team' as board,
        team_name as name,
        wallet_address,
        -total_moments as moments,
        -locked_moments as locked
    from {{ ref('top_wallets_by_team_snapshot') }}
    union all
    select
        'tier' as board,
        tier as name,
        wallet_address,
        -total_moments as moments,
        -locked_moments as locked
    from {{ ref('top_wallets_by_tier_snapshot') }}
)

select
    board,
    name,
    wallet_address
from signed
group by board, name, wallet_address
having sum(moments) <> 0 or sum(locked) <> 0
