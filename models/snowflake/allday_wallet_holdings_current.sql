-- One row per moment now held. An increment reads the moments that differ from the table; one without an owner is
-- deleted from it.

{{ config(
    unique_key='nft_id',
    incremental_strategy='merge_or_delete',
    meta={'merge_or_delete': {'delete_when_null': 'wallet_address'}},
    cluster_by=['to_date(last_event_ts)'],
) }}

with

moments as (
    select
        wallet_address,
        nft_id,
        is_locked,
        last_event_ts
    from {{ ref('int_moments') }}
)

select moments.*
from moments
{%- if is_incremental() %}
left join {{ this }} as held on moments.nft_id = held.nft_id
where
    moments.wallet_address is distinct from held.wallet_address
    or (
        moments.wallet_address is not null
        and (
            moments.is_locked is distinct from held.is_locked
            or moments.last_event_ts is distinct from held.last_event_ts
        )
    )
{%- else %}
where moments.wallet_address is not null
{%- endif %}
