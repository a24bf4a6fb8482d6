-- One row per signed change of a moment's edition or attributes, of those the reader has to account for.

select
    1 as weight,
    nft_id,
    edition_id,
    batch_id
from {{ source('raw', 'nft_core_metadata') }}
where {{ delta_whole('raw.nft_core_metadata') }}

union all

select
    weight,
    nft_id,
    edition_id,
    batch_id
from {{ source('log', 'nft_core_metadata_changes') }}
where {{ delta_window('raw.nft_core_metadata') }}
