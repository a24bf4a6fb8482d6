-- A wallet's page: the number and value of its moments.
-- plan: Index Scan on wallet_summary_snapshot

select
    wallet_address,
    display_name,
    moments_total,
    locked_count,
    unlocked_count,
    tier_common,
    tier_uncommon,
    tier_rare,
    tier_legendary,
    tier_ultimate,
    floor_value,
    asp_value,
    priced_moments,
    last_synced_at,
    updated_at
from {{ ref('wallet_summary_snapshot') }}
where wallet_address = {{ bound('address', '0x0000000000000001') }}
