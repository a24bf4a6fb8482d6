-- Which two sets are held by the same wallets, and by which share of the wallets that hold the smaller one?

with

editions as (
    select
        edition_id,
        set_name
    from {{ ref('int_editions') }}
    where set_name is not null
    group by edition_id, set_name
    having sum(weight) > 0
),

held as (
    select
        editions.set_name,
        wallet_editions.wallet_address
    from {{ ref('int_wallet_editions') }} as wallet_editions
    inner join editions on wallet_editions.edition_id = editions.edition_id
    group by editions.set_name, wallet_editions.wallet_address
    having sum(wallet_editions.moments) > 0
),

sets as (
    select
        set_name,
        count(*) as wallets
    from held
    group by set_name
),

pairs as (
    select
        one.set_name,
        other.set_name as other_set_name,
        count(*) as wallets_of_both
    from held as one
    inner join held as other on one.wallet_address = other.wallet_address and one.set_name < other.set_name
    group by one.set_name, other.set_name
)

select
    pairs.set_name,
    pairs.other_set_name,
    pairs.wallets_of_both,
    (100.0 * pairs.wallets_of_both / least(one.wallets, other.wallets))::decimal(10, 2) as percent_of_smaller
from pairs
inner join sets as one on pairs.set_name = one.set_name
inner join sets as other on pairs.other_set_name = other.set_name
order by pairs.wallets_of_both desc, pairs.set_name asc, pairs.other_set_name asc
limit 50
