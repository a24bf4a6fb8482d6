-- What was held, by how many wallets and at what value, at an earlier state?

with

held as (
    select
        tier,
        wallet_address,
        sum(moments) as moments,
        sum(floor_cents) as floor_cents
    from {{ ref('int_wallet_facts') }}
    where {{ var("number", "step") }} <= {{ var("upto", "9223372036854775807") }}
    group by tier, wallet_address
    having sum(moments) > 0
)

select
    tier,
    count(*) as wallets,
    sum(moments) as moments,
    (sum(floor_cents) / 100.0)::decimal(18, 2) as floor_usd
from held
group by tier
order by tier
