-- A wallet's page: its moments, fifty at a time, with their attributes if there is metadata.
-- plan: Index Only Scan on wallet_holdings
-- plan: Index Scan on nft_core_metadata

with

holdings as (
    select
        nft_id,
        is_locked
    from {{ source('raw', 'wallet_holdings') }}
    where wallet_address = {{ bound('address', '0x0000000000000001') }} and nft_id > {{ bound('after', 0) }}
    order by nft_id
    limit {{ bound('limit', 50) }}
)

select
    holdings.nft_id,
    holdings.is_locked,
    metadata.edition_id,
    metadata.serial_number,
    metadata.first_name,
    metadata.last_name,
    metadata.team_name,
    metadata.tier
from holdings
left join {{ source('raw', 'nft_core_metadata') }} as metadata on holdings.nft_id = metadata.nft_id
order by holdings.nft_id
