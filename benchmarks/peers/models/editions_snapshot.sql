-- One row per edition of which a moment is held.

{{ config(unique_key='edition_id', indexes=[{'columns': ['edition_id'], 'unique': true}]) }}

select
    m.edition_id,
    m.first_name,
    m.last_name,
    m.team_name,
    m.position,
    m.tier,
    m.series_name,
    m.set_name,
    m.max_mint_size,
    count(*) as total_moments,
    min(m.serial_number) as min_serial,
    max(m.serial_number) as max_serial,
    p.lowest_ask_usd,
    p.avg_sale_usd,
    p.top_sale_usd,
    now() as updated_at
from {{ held_moments() }}
where m.edition_id is not null and {{ of_changed_editions() }}
group by
    m.edition_id, m.first_name, m.last_name, m.team_name, m.position, m.tier, m.series_name, m.set_name,
    m.max_mint_size, p.lowest_ask_usd, p.avg_sale_usd, p.top_sale_usd
