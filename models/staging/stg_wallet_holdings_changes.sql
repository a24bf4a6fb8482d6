-- One row per signed change of a holding that the reader has not read yet. A rebuild reads every holding as
-- new, an increment reads the changelog.

select
    1 as weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ loaded('wallet_holdings', model='allday_wallet_holdings_current') }}
where {{ rows_if_rebuild('raw.wallet_holdings') }}

union all

select
    weight,
    nft_id,
    wallet_address,
    is_locked,
    batch_id
from {{ changelog('wallet_holdings', model='allday_wallet_holdings_current') }}
where {{ unread_batches('raw.wallet_holdings') }}
