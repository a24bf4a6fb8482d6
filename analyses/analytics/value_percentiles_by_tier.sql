-- What are a wallet's moments of a tier worth, at their lowest ask: for the median wallet, and for the top?

with

held as (
    select
        tier,
        wallet_address,
        sum(floor_cents)::double precision / 100 as floor_usd
    from {{ ref('int_wallet_facts') }}
    group by tier, wallet_address
    having sum(moments) > 0
)

select
    tier,
    count(*) as wallets,
    percentile_cont(0.5) within group (order by floor_usd)::decimal(18, 2) as median_usd,
    percentile_cont(0.9) within group (order by floor_usd)::decimal(18, 2) as p90_usd,
    percentile_cont(0.99) within group (order by floor_usd)::decimal(18, 2) as p99_usd,
    max(floor_usd)::decimal(18, 2) as max_usd
from held
group by tier
order by p99_usd desc, tier asc
