-- Protects the serials: each edition shows the least and the greatest that is held.

{{ config(tags=['full_check']) }}

with

holdings as (
    select * from {{ ref('stg_wallet_holdings') }}
),

metadata as (
    select * from {{ ref('stg_nft_core_metadata') }}
),

held as (
    select
        metadata.edition_id,
        min(metadata.serial_number) as min_serial,
        max(metadata.serial_number) as max_serial
    from holdings
    inner join metadata on holdings.nft_id = metadata.nft_id
    group by metadata.edition_id
),

editions as (
    select * from {{ ref('editions_snapshot') }}
)

select editions.edition_id
from editions
left join held on editions.edition_id = held.edition_id
where (editions.min_serial, editions.max_serial) is distinct from (held.min_serial, held.max_serial)
