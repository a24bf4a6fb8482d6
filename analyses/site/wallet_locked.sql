-- A wallet's page: the current number of its locked moments.
-- plan: Index Only Scan on wallet_holdings

select count(*) as locked
from {{ source('raw', 'wallet_holdings') }}
where wallet_address = {{ bound('address', '0x0000000000000001') }} and is_locked
