-- A wallet's page: the number and value of its moments.
-- plan: Index Only Scan on wallet_summary_snapshot

select
    wallet_address,
    moments_total,
    floor_value,
    asp_value
from {{ ref('wallet_summary_snapshot') }}
where wallet_address = '{{ var("wallet", "0x0000000000000001") }}'
