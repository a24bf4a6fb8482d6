-- One row per moment now held.

select
    nft_id,
    wallet_address,
    is_locked,
    last_event_ts,
    batch_id
from {{ loaded('wallet_holdings', model='allday_wallet_holdings_current') }}
