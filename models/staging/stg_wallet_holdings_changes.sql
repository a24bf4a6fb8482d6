-- One row per signed change of a holding that the reader has not read yet. A rebuild reads every holding as
-- new, an increment reads the changelog.

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
