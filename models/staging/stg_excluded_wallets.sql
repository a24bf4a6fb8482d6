-- One row per wallet that the leaderboards leave out, as the loader writes addresses.

select distinct {{ ascii_case(text_or_null('wallet_address'), 'lower') }} as wallet_address
from {{ ref('excluded_wallets') }}
where {{ text_or_null('wallet_address') }} is not null
