-- One row per wallet that holds a moment, with its value, system wallets left out. The fillfactor leaves room
-- for the many rows that change in a refresh.

{{ config(
    indexes=[
        {'columns': ['wallet_address'], 'unique': true, 'with': {'fillfactor': 60}},
        {'columns': ['floor_value desc', 'display_name'], 'with': {'fillfactor': 60}},
        {'columns': ['asp_value desc', 'display_name'], 'with': {'fillfactor': 60}},
    ],
    unique_key='wallet_address',
    meta={
        'accumulate': {
            'sum': [
                'total_moments',
                'tier_common', 'tier_uncommon', 'tier_rare', 'tier_legendary', 'tier_ultimate',
                'floor_value', 'asp_value',
            ],
            'replace': ['display_name'],
            'delete_when_empty': ['total_moments'],
        },
    },
) }}

with

facts as (
    select * from {{ unread_rows('int_wallet_facts') }} as changed
),

profiles as (
    select * from {{ ref('stg_wallet_profiles') }}
),

excluded_wallets as (
    select * from {{ ref('stg_excluded_wallets') }}
),

totals as (
    select
        wallet_address,
        sum(moments)::bigint as total_moments,
        {{ tier_counts() }},
        (sum(floor_cents) / 100)::numeric(20, 2) as floor_value,
        (sum(asp_cents) / 100)::numeric(20, 2) as asp_value
    from facts
    where wallet_address not in (select excluded_wallets.wallet_address from excluded_wallets)
    group by wallet_address
),

named as (
    select
        totals.wallet_address,
        coalesce(profiles.display_name, totals.wallet_address) as display_name,
        totals.total_moments,
        totals.tier_common,
        totals.tier_uncommon,
        totals.tier_rare,
        totals.tier_legendary,
        totals.tier_ultimate,
        totals.floor_value,
        totals.asp_value,
        current_timestamp::timestamptz as updated_at
    from totals
    left join profiles on totals.wallet_address = profiles.wallet_address
)

select * from named
