-- One row per moment: who owns it now (NULL if nobody), whether it is locked, and its edition. The moments of
-- newly read events are computed again, from all of their events.

{{ config(unique_key='nft_id') }}

with

events as (
    select * from {{ ref('int_chain_events') }}
    where
        id is not null
        and event_type in (
            'Deposit', 'Withdraw', 'MomentNFTMinted', 'MomentNFTBurned', 'NFTLocked', 'NFTUnlocked'
        )
),

touched as (
    select * from events
    {%- if is_incremental() %}
    where
        id in (
            select unread.id from events as unread
            where unread.batch > (select coalesce(max(known.batch), 0) from {{ this }} as known)
        )
    {%- endif %}
),

transfers as (
    select
        id as nft_id,
        block_height,
        wallet_address,
        max(case when event_type = 'Deposit' then 1 else 0 end) as received,
        max(case when event_type = 'Withdraw' then 1 else 0 end) as sent
    from touched
    where event_type in ('Deposit', 'Withdraw')
    group by id, block_height, wallet_address
),

-- Of two receivers in one block, the last is the one that has not sent the moment on.
last_deposits as (
    select
        nft_id,
        block_height,
        wallet_address
    from transfers
    where received = 1
    qualify row_number() over (
            partition by nft_id order by block_height desc, sent asc, wallet_address asc
        ) = 1
),

summed as (
    select
        id as nft_id,
        max(case when event_type = 'Withdraw' then block_height end) as withdrawn_at,
        max(case when event_type = 'MomentNFTBurned' then block_height end) as burned_at,
        max(case when event_type = 'NFTLocked' then block_height end) as locked_at,
        max(case when event_type = 'NFTUnlocked' then block_height end) as unlocked_at,
        max(event_data:editionID::varchar) as edition_id,
        max(try_to_number(event_data:serialNumber::varchar)) as serial_number,
        max(block_timestamp) as last_event_ts,
        max(batch) as batch
    from touched
    group by id
),

-- In one block a withdraw comes before the deposit, and a burn after it.
owned as (
    select
        summed.nft_id,
        case
            when summed.withdrawn_at > last_deposits.block_height then null
            when summed.burned_at >= last_deposits.block_height then null
            else last_deposits.wallet_address
        end as wallet_address,
        coalesce(summed.locked_at > coalesce(summed.unlocked_at, -1), false) as is_locked,
        summed.last_event_ts,
        summed.edition_id,
        summed.serial_number,
        summed.batch
    from summed
    left join last_deposits on summed.nft_id = last_deposits.nft_id
)

select * from owned
