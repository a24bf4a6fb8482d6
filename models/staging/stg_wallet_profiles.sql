-- One row per wallet with a profile, whether or not it holds a moment.

select
    wallet_address,
    {{ text_or_null('display_name') }} as display_name
from {{ loaded('wallet_profiles') }}
