-- A wallet's page: how many of its moments are locked at this moment.
-- plan: Index Only Scan on wallet_holdings

select count(*) as locked
from {{ source('raw', 'wallet_holdings') }}
where wallet_address = '{{ var("wallet", "0x0000000000000001") }}' and is_locked
