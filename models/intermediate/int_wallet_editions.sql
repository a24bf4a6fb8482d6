-- One row per wallet and edition it holds; the edition is NULL where a moment's metadata has not arrived.

{{ config(indexes=[{'columns': ['wallet_address', 'edition_id'], 'unique': true}]) }}

with

holdings as (
    select * from {{ ref('stg_wallet_holdings') }}
),

metadata as (
    select * from {{ ref('stg_nft_core_metadata') }}
),

counted as (
    select
        holdings.wallet_address,
        metadata.edition_id,
        count(*) as moments,
        count(*) filter (where holdings.is_locked) as locked,
        max(holdings.batch_id) as last_batch_id
    from holdings
    left join metadata on holdings.nft_id = metadata.nft_id
    group by holdings.wallet_address, metadata.edition_id
)

select * from counted
