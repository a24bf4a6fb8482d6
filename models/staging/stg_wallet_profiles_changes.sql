-- One row per signed change of a profile that the reader has not read yet.

select
    weight,
    wallet_address,
    batch_id
from {{ changelog('wallet_profiles') }}
where {{ unread_batches('raw.wallet_profiles') }}
