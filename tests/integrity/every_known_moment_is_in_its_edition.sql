-- Protects the editions: their moments are the wallets' moments of known editions.

{{ config(tags=['full_check']) }}

with

wallets as (
    select
        edition_id,
        sum(moments) as moments
    from {{ ref('int_wallet_editions') }}
    where edition_id is not null
    group by edition_id
),

editions as (
    select * from {{ ref('editions_snapshot') }}
)

select
    coalesce(editions.edition_id, wallets.edition_id) as edition_id,
    editions.total_moments as counted,
    wallets.moments as held
from editions
full join wallets on editions.edition_id = wallets.edition_id
where coalesce(editions.total_moments, 0) <> coalesce(wallets.moments, 0)
