-- One row per signed change of a moment's edition or attributes that the reader has not read yet.

select
    1 as weight,
    nft_id,
    edition_id,
    batch_id
from {{ loaded('nft_core_metadata', model='allday_core_nft_metadata') }}
where {{ rows_if_rebuild('raw.nft_core_metadata') }}

union all

select
    weight,
    nft_id,
    edition_id,
    batch_id
from {{ changelog('nft_core_metadata', model='allday_core_nft_metadata') }}
where {{ unread_batches('raw.nft_core_metadata') }}
