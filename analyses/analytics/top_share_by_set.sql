-- Which share of a set's moments is held by the hundredth of its wallets that hold the most?

with

editions as (
    select
        edition_id,
        set_name
    from {{ ref('int_editions') }}
    group by edition_id, set_name
    having sum(weight) > 0
),

held as (
    select
        editions.set_name,
        wallet_editions.wallet_address,
        sum(wallet_editions.moments) as moments
    from {{ ref('int_wallet_editions') }} as wallet_editions
    inner join editions on wallet_editions.edition_id = editions.edition_id
    group by editions.set_name, wallet_editions.wallet_address
    having sum(wallet_editions.moments) > 0
),

placed as (
    select
        set_name,
        moments,
        row_number() over (partition by set_name order by moments desc, wallet_address asc) as place,
        count(*) over (partition by set_name) as wallets
    from held
),

sums as (
    select
        set_name,
        count(*) as wallets,
        sum(moments) as moments,
        sum(case when place <= ceil(wallets / 100.0) then moments else 0 end) as moments_of_top
    from placed
    group by set_name
)

select
    set_name,
    wallets,
    moments,
    moments_of_top,
    (100.0 * moments_of_top / moments)::decimal(10, 2) as top_percent
from sums
order by top_percent desc, set_name asc
