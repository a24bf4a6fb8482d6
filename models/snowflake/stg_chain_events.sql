-- One row per event of a moment, edition, play, series or set, as often as the chain's table has it.

{{ config(materialized='view') }}

select
    block_height,
    block_timestamp,
    event_type,
    event_data
from {{ source('flow', 'fact_events') }}
where
    tx_succeeded
    and (
        (
            event_contract = 'A.e4cf4bdc1751c65d.AllDay'
            and event_type in (
                'Deposit', 'Withdraw', 'MomentNFTMinted', 'MomentNFTBurned',
                'EditionCreated', 'PlayCreated', 'SeriesCreated', 'SetCreated'
            )
        )
        or (event_contract = 'A.b6f2481eba4df97b.NFTLocker' and event_type in ('NFTLocked', 'NFTUnlocked'))
    )
