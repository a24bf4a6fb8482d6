-- The leaderboard by value: its first hundred wallets, by floor or by average sale. The branch that was not
-- asked for is not executed.
-- plan: Index Scan on top_wallets_by_value_snapshot

with

by_floor as (
    select
        wallet_address,
        display_name,
        total_moments,
        floor_value,
        asp_value
    from {{ ref('top_wallets_by_value_snapshot') }}
    where {{ bound('by', 'floor') }} = 'floor'
    order by floor_value desc, display_name asc
    limit {{ bound('limit', 100) }}
),

by_average_sale as (
    select
        wallet_address,
        display_name,
        total_moments,
        floor_value,
        asp_value
    from {{ ref('top_wallets_by_value_snapshot') }}
    where {{ bound('by', 'floor') }} = 'asp'
    order by asp_value desc, display_name asc
    limit {{ bound('limit', 100) }}
),

ranked as (
    select * from by_floor
    union all
    select * from by_average_sale
)

select
    wallet_address,
    display_name,
    total_moments,
    floor_value,
    asp_value
from ranked
