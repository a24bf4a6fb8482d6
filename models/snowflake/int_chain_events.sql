-- One row per event, as often as stg_chain_events has it, without what is not needed: the copy that the other
-- models read. A range of blocks in which the chain now has other events is read again, and replaced whole.

{{ config(
    unique_key='block_range',
    incremental_strategy='delete+insert',
    cluster_by=['to_date(block_timestamp)'],
) }}

with

chain_events as (
    select * from {{ ref('stg_chain_events') }}
    {%- if is_incremental() %}
    where {{ changed_ranges() }}
    {%- endif %}
)

select
    {{ block_range('block_height') }} as block_range,
    block_height,
    block_timestamp,
    event_type,
    event_data:id::varchar as id,
    coalesce(event_data:to::varchar, event_data:from::varchar) as wallet_address,
    case when event_type like '%ed' and event_type not like 'NFT%' then event_data end as event_data,
    {% if is_incremental() -%}
    (select coalesce(max(known.batch), 0) + 1 from {{ this }} as known)
    {%- else -%} 1 {%- endif %} as batch
from chain_events
