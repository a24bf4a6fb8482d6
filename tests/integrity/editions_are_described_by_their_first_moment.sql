-- Protects the descriptions: each edition's is that of its first moment, by serial number.

with

editions as (
    select * from {{ ref('editions_snapshot') }}
),

metadata as not materialized (
    select * from {{ ref('stg_nft_core_metadata') }}
)

select editions.edition_id
from editions
left join lateral (
    select metadata.* from metadata
    where metadata.edition_id = editions.edition_id
    order by metadata.serial_number, metadata.nft_id
    limit 1
) as first_moment on true
where
    (editions.first_name, editions.last_name, editions.team_name, editions.position)
    is distinct from
    (first_moment.first_name, first_moment.last_name, first_moment.team_name, first_moment.position)
    or (editions.tier, editions.series_name, editions.set_name, editions.max_mint_size)
    is distinct from
    (first_moment.tier, first_moment.series_name, first_moment.set_name, first_moment.max_mint_size)
    or first_moment.nft_id is null
