-- One row per signed change of a profile, of those the reader has to account for.

select
    weight,
    wallet_address,
    batch_id
from {{ source('changelog', 'wallet_profiles_changes') }}
where {{ unread_batches('raw.wallet_profiles') }}
