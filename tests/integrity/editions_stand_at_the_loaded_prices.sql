-- Protects the prices: each edition's are those last loaded, and none where none are loaded.

with

editions as (
    select * from {{ ref('editions_snapshot') }}
),

prices as (
    select * from {{ ref('stg_edition_price_scrape') }}
)

select editions.edition_id
from editions
left join prices on editions.edition_id = prices.edition_id
where
    (editions.lowest_ask_usd, editions.avg_sale_usd, editions.top_sale_usd)
    is distinct from (prices.lowest_ask_usd, prices.avg_sale_usd, prices.top_sale_usd)
