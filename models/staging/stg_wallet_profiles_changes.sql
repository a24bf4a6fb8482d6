-- One row per signed change of a profile, of those the reader has to account for.

select
    weight,
    wallet_address,
    batch_id
from {{ source('log', 'wallet_profiles_changes') }}
where {{ delta_window('raw.wallet_profiles') }}
