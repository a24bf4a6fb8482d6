-- Which wallets gained or lost most, at the lowest ask, from one state to a later one?

select
    wallet_address,
    sum(moments) as moments,
    (sum(floor_cents) / 100.0)::decimal(18, 2) as floor_usd
from {{ ref('int_wallet_facts') }}
where
    {{ var("number", "step") }} > {{ var("after", "1") }}
    and {{ var("number", "step") }} <= {{ var("upto", "9223372036854775807") }}
group by wallet_address
having sum(moments) <> 0 or sum(floor_cents) <> 0
order by abs(sum(floor_cents)) desc, wallet_address asc
limit 50
