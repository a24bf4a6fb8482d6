-- Unread batches are after the watermark, up to the end of the changelog; outside a run there are none.

with

changelog as materialized (
    select
        batch_id,
        set_config('delta.raw_example_after', '1', true) as after,
        set_config('delta.raw_example_upto', '3', true) as upto
    from generate_series(1, 4) as batch_id
),

kept as (
    select batch_id from changelog
    where {{ unread_batches('raw.example') }}
    union all
    select batch_id from changelog
    where {{ unread_batches('raw.other') }}
)

select array_agg(batch_id order by batch_id) as batches
from kept
having array_agg(batch_id order by batch_id) is distinct from array[2, 3]
