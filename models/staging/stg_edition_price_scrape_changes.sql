-- One row per signed change of a price, of those the reader has to account for.

select
    weight,
    edition_id,
    batch_id
from {{ source('log', 'edition_price_scrape_changes') }}
where {{ delta_window('raw.edition_price_scrape') }}
