-- One row per wallet that holds a moment, system wallets included. The fillfactor leaves room for the many
-- rows that change in a refresh.

{{ config(
    indexes=[
        {
            'columns': ['wallet_address'],
            'unique': true,
            'include': ['moments_total', 'floor_value', 'asp_value'],
            'with': {'fillfactor': 60},
        },
        {'columns': ['display_name text_pattern_ops'], 'with': {'fillfactor': 60}},
    ],
    unique_key='wallet_address',
    meta={
        'maintenance': {'dead_share': 0, 'changed_share': 0.5},
        'delta': {'int_wallet_facts': 'whole'},
        'accumulate': {
            'sum': [
                'moments_total', 'locked_count', 'unlocked_count',
                'tier_common', 'tier_uncommon', 'tier_rare', 'tier_legendary', 'tier_ultimate',
                'floor_value', 'asp_value', 'priced_moments',
            ],
            'replace': ['display_name'],
            'max': ['last_synced_at'],
            'delete_when_empty': ['moments_total'],
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

load_batches as (
    select * from {{ ref('stg_load_batches') }}
),

totals as (
    select
        wallet_address,
        sum(moments)::bigint as moments_total,
        sum(locked)::bigint as locked_count,
        sum(moments - locked)::bigint as unlocked_count,
        {{ tier_counts() }},
        (sum(floor_cents) / 100)::numeric(20, 2) as floor_value,
        (sum(asp_cents) / 100)::numeric(20, 2) as asp_value,
        sum(priced_moments)::bigint as priced_moments,
        max(last_batch_id) as last_batch_id
    from facts
    group by wallet_address
),

named as (
    select
        totals.wallet_address,
        coalesce(profiles.display_name, totals.wallet_address) as display_name,
        totals.moments_total,
        totals.locked_count,
        totals.unlocked_count,
        totals.tier_common,
        totals.tier_uncommon,
        totals.tier_rare,
        totals.tier_legendary,
        totals.tier_ultimate,
        totals.floor_value,
        totals.asp_value,
        totals.priced_moments,
        load_batches.applied_at as last_synced_at,
        current_timestamp::timestamptz as updated_at
    from totals
    left join profiles on totals.wallet_address = profiles.wallet_address
    left join load_batches on totals.last_batch_id = load_batches.batch_id
)

select * from named
