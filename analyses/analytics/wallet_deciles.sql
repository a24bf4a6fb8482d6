-- How is the value distributed: which part of it, at the lowest ask, does each tenth of the wallets hold?

with

held as (
    select
        wallet_address,
        sum(moments) as moments,
        sum(floor_cents) as floor_cents
    from {{ ref('int_wallet_facts') }}
    group by wallet_address
    having sum(moments) > 0
),

tenths as (
    select
        moments,
        floor_cents,
        ntile(10) over (order by floor_cents desc, wallet_address asc) as decile
    from held
)

select
    decile,
    count(*) as wallets,
    sum(moments) as moments,
    (sum(floor_cents) / 100.0)::decimal(18, 2) as floor_usd,
    (100.0 * sum(floor_cents) / nullif(sum(sum(floor_cents)) over (), 0))::decimal(10, 2) as percent
from tenths
group by decile
order by decile
