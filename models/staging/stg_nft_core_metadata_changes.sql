-- One row per signed change of a moment's edition or attributes that the reader has not read yet.

select
    1 as weight,
    nft_id,
    edition_id,
    batch_id
from {{ source('raw', 'nft_core_metadata') }}
where {{ rows_if_rebuild('raw.nft_core_metadata') }}

union all

select
    weight,
    nft_id,
    edition_id,
    batch_id
from {{ source('changelog', 'nft_core_metadata_changes') }}
where {{ unread_batches('raw.nft_core_metadata') }}
