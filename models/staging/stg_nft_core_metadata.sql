-- One row per moment, held or not, with the attributes of its edition.

select
    nft_id,
    edition_id,
    play_id,
    series_id,
    nullif(trim(series_name), '') as series_name,
    set_id,
    nullif(trim(set_name), '') as set_name,
    upper(nullif(trim(tier), '')) as tier,
    max_mint_size,
    serial_number,
    nullif(trim(first_name), '') as first_name,
    nullif(trim(last_name), '') as last_name,
    nullif(trim(team_name), '') as team_name,
    nullif(trim(position), '') as position,
    jersey_number
from {{ source('raw', 'nft_core_metadata') }}
