-- One row per signed change of a holding, of those the reader has to account for: a rebuild takes every
-- holding as new, an increment takes the log.

select
    1 as weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ source('raw', 'wallet_holdings') }}
where {{ rows_if_rebuild('raw.wallet_holdings') }}

union all

select
    weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ source('changelog', 'wallet_holdings_changes') }}
where {{ unread_batches('raw.wallet_holdings') }}
