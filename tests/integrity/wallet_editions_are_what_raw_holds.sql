-- Protects int_wallet_editions: its sum is each wallet's moments of each edition, as in raw.

{{ config(tags=['full_check']) }}

with

holdings as (
    select * from {{ ref('stg_wallet_holdings') }}
),

metadata as (
    select * from {{ ref('stg_nft_core_metadata') }}
),

signed as (
    select
        wallet_address,
        edition_id,
        moments,
        locked
    from {{ ref('int_wallet_editions') }}
    union all
    select
        holdings.wallet_address,
        metadata.edition_id,
        -1 as moments,
        -holdings.is_locked::integer as locked
    from holdings
    left join metadata on holdings.nft_id = metadata.nft_id
)

select
    wallet_address,
    edition_id,
    sum(moments) as moments_too_many,
    sum(locked) as locked_too_many
from signed
group by wallet_address, edition_id
having sum(moments) <> 0 or sum(locked) <> 0
