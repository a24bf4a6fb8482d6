-- One row per minted moment, held or not, with the attributes of its edition as far as they are known. An
-- increment reads the moments that differ from the table: an edition may arrive after its moments.

{{ config(unique_key='nft_id', incremental_strategy='merge_or_delete') }}

{% set columns = [
    'edition_id', 'play_id', 'series_id', 'series_name', 'set_id', 'set_name', 'tier', 'max_mint_size',
    'serial_number', 'first_name', 'last_name', 'team_name', 'position', 'jersey_number',
] %}
{% set fields = {
    'first_name': 'playerFirstName', 'last_name': 'playerLastName', 'team_name': 'teamName',
    'position': 'playerPosition', 'jersey_number': 'playerNumber',
} %}

with

-- An event that was read twice is one; of two for the same id, the later counts.
created as (
    select
        event_type,
        id,
        event_data
    from {{ ref('int_chain_events') }}
    where event_type in ('EditionCreated', 'PlayCreated', 'SeriesCreated', 'SetCreated') and id is not null
    qualify row_number() over (
            partition by event_type, id order by block_height desc, to_json(event_data) asc
        ) = 1
),

plays as (
    select
        created.id as play_id,
    {%- for column, field in fields.items() %}
    max(
        case when entry.value:key::varchar = '{{ field }}' then entry.value:value::varchar end
    ) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
    from created, lateral flatten(input => created.event_data:metadata) as entry
    where created.event_type = 'PlayCreated'
    group by created.id
),

editions as (
    select
        id as edition_id,
        event_data:playID::varchar as play_id,
        event_data:seriesID::varchar as series_id,
        event_data:setID::varchar as set_id,
        event_data:tier::varchar as tier,
        try_to_number(event_data:maxMintSize::varchar) as max_mint_size
    from created
    where event_type = 'EditionCreated'
),

series as (
    select
        id as series_id,
        event_data:name::varchar as series_name
    from created
    where event_type = 'SeriesCreated'
),

sets as (
    select
        id as set_id,
        event_data:name::varchar as set_name
    from created
    where event_type = 'SetCreated'
),

moments as (
    select
        minted.nft_id,
        minted.edition_id,
        editions.play_id,
        editions.series_id,
        series.series_name,
        editions.set_id,
        sets.set_name,
        editions.tier,
        editions.max_mint_size,
        minted.serial_number,
        plays.first_name,
        plays.last_name,
        plays.team_name,
        plays.position,
        plays.jersey_number
    from {{ ref('int_moments') }} as minted
    left join editions on minted.edition_id = editions.edition_id
    left join plays on editions.play_id = plays.play_id
    left join series on editions.series_id = series.series_id
    left join sets on editions.set_id = sets.set_id
    where minted.edition_id is not null
)

{{ differing_rows('moments', 'nft_id', columns) }}
