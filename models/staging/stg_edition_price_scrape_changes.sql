-- One row per signed change of a price that the reader has not read yet.

select
    weight,
    edition_id,
    batch_id
from {{ changelog('edition_price_scrape') }}
where {{ unread_batches('raw.edition_price_scrape') }}
