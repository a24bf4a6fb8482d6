-- One row per applied batch.

select
    batch_id,
    source as source_name,
    applied_at
from {{ load_batches() }}
