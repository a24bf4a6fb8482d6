-- One row per moment, held or not, with the attributes of its edition.

select
    nft_id,
    edition_id,
    play_id,
    series_id,
    {{ text_or_null('series_name') }} as series_name,
    set_id,
    {{ text_or_null('set_name') }} as set_name,
    {{ ascii_case(text_or_null('tier'), 'upper') }} as tier,
    max_mint_size,
    serial_number,
    {{ text_or_null('first_name') }} as first_name,
    {{ text_or_null('last_name') }} as last_name,
    {{ text_or_null('team_name') }} as team_name,
    {{ text_or_null('position') }} as position,
    jersey_number
from {{ loaded('nft_core_metadata', model='allday_core_nft_metadata') }}
