-- One row per team and wallet that holds a moment of it, system wallets left out.

{{ config(
    indexes=[
        {'columns': ['wallet_address', 'team_name'], 'unique': true},
        {'columns': ['team_name', 'total_moments desc']},
    ],
    unique_key=['wallet_address', 'team_name'],
) }}

with

facts as (
    select * from {{ unread_rows('int_wallet_facts') }} as changed
    -- Leaves out changes of price, which this mart does not show.
    where moments <> 0 or locked <> 0 or renamed
),

profiles as (
    select * from {{ ref('stg_wallet_profiles') }}
),

excluded_wallets as (
    select * from {{ ref('stg_excluded_wallets') }}
),

totals as (
    select
        team_name,
        wallet_address,
        sum(moments)::bigint as total_moments,
        sum(moments - locked)::bigint as unlocked_moments,
        sum(locked)::bigint as locked_moments,
        {{ tier_counts() }}
    from facts
    where
        team_name is not null
        and wallet_address not in (select excluded_wallets.wallet_address from excluded_wallets)
    group by team_name, wallet_address
),

named as (
    select
        totals.team_name,
        totals.wallet_address,
        coalesce(profiles.display_name, totals.wallet_address) as display_name,
        totals.total_moments,
        totals.unlocked_moments,
        totals.locked_moments,
        totals.tier_common,
        totals.tier_uncommon,
        totals.tier_rare,
        totals.tier_legendary,
        totals.tier_ultimate,
        current_timestamp::timestamptz as updated_at
    from totals
    left join profiles on totals.wallet_address = profiles.wallet_address
)

-- Store the rows of a wallet together, because they change together.
select * from named
order by wallet_address, team_name
