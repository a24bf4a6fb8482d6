-- One row per moment now held. An increment reads the moments that differ from the table; one without an
-- owner is deleted from it.

{{ config(
    unique_key='nft_id',
    incremental_strategy='merge_or_delete',
    meta={'merge_or_delete': {'delete_when_null': 'wallet_address'}},
    cluster_by=['to_date(last_event_ts)'],
) }}

with

moments as (
    select
        wallet_address,
        nft_id,
        is_locked,
        last_event_ts
    from {{ ref('int_moments') }}
)

{{ differing_rows(
    'moments', 'nft_id', ['wallet_address', 'is_locked', 'last_event_ts'], mark='wallet_address'
) }}
