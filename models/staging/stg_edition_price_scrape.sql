-- One row per edition that has a price.

select
    edition_id,
    lowest_ask_usd,
    avg_sale_usd,
    top_sale_usd
from {{ loaded('edition_price_scrape') }}
