-- One row per signed change of a price, of those the reader has to account for.

select
    weight,
    edition_id,
    batch_id
from {{ source('changelog', 'edition_price_scrape_changes') }}
where {{ unread_batches('raw.edition_price_scrape') }}
