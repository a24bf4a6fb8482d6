-- One row per wallet with a profile, whether or not it holds a moment.

select
    wallet_address,
    nullif(trim(display_name), '') as display_name
from {{ source('raw', 'wallet_profiles') }}
