-- One row per signed change of a holding, of those the reader has to account for: a rebuild takes every
-- holding as new, an increment takes the log.

select
    1 as weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ source('raw', 'wallet_holdings') }}
where {{ delta_whole('raw.wallet_holdings') }}

union all

select
    weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ source('log', 'wallet_holdings_changes') }}
where {{ delta_window('raw.wallet_holdings') }}
