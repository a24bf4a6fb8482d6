-- The wallets with the most moments without metadata, which count in a total, but in no tier, team or value.

with

wallet_editions as (
    select * from {{ ref('int_wallet_editions') }}
),

waiting as (
    select
        wallet_address,
        sum(moments) filter (where edition_id is null) as without_metadata,
        sum(moments) as total_moments
    from wallet_editions
    group by wallet_address
)

select *
from waiting
where without_metadata > 0
order by without_metadata desc
limit 100
