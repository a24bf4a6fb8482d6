-- How unequally are the moments of a tier held? 0 if each wallet holds as many, near 1 if one holds all.

with

held as (
    select
        tier,
        wallet_address,
        sum(moments) as moments
    from {{ ref('int_wallet_facts') }}
    group by tier, wallet_address
    having sum(moments) > 0
),

placed as (
    select
        tier,
        moments,
        row_number() over (partition by tier order by moments, wallet_address) as place
    from held
),

sums as (
    select
        tier,
        count(*) as wallets,
        sum(moments) as moments,
        sum(place * moments)::double precision as weighted
    from placed
    group by tier
)

select
    tier,
    wallets,
    moments,
    (2 * weighted / (wallets * moments) - (wallets + 1.0) / wallets)::decimal(10, 4) as gini
from sums
order by gini desc, tier asc
