-- One row per edition of which a moment is held.

{{ config(unique_key='edition_id', indexes=[{'columns': ['edition_id'], 'unique': true}]) }}

select
    edition_id,
    first_name,
    last_name,
    team_name,
    position,
    tier,
    series_name,
    set_name,
    max_mint_size,
    count(*) as total_moments,
    min(serial_number) as min_serial,
    max(serial_number) as max_serial,
    lowest_ask_usd,
    avg_sale_usd,
    top_sale_usd,
    now() as updated_at
from {{ held_moments() }}
where edition_id is not null and {{ of_changed_editions() }}
group by
    edition_id, first_name, last_name, team_name, position, tier, series_name, set_name,
    max_mint_size, lowest_ask_usd, avg_sale_usd, top_sale_usd
