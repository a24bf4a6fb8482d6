-- Protects the money: the summary's values are each held moment at the price of its edition.

with

wallet_editions as (
    select * from {{ ref('int_wallet_editions') }}
),

prices as (
    select * from {{ ref('stg_edition_price_scrape') }}
),

held as (
    select
        coalesce(sum(wallet_editions.moments * prices.lowest_ask_usd), 0) as floor_value,
        coalesce(sum(wallet_editions.moments * prices.avg_sale_usd), 0) as asp_value
    from wallet_editions
    inner join prices on wallet_editions.edition_id = prices.edition_id
),

summary as (
    select
        coalesce(sum(floor_value), 0) as floor_value,
        coalesce(sum(asp_value), 0) as asp_value
    from {{ ref('wallet_summary_snapshot') }}
)

select
    held.floor_value as held_floor_value,
    summary.floor_value,
    held.asp_value as held_asp_value,
    summary.asp_value
from held
cross join summary
where held.floor_value <> summary.floor_value or held.asp_value <> summary.asp_value
