-- One row with the values of the explorer's filters.

{{ config(
    materialized='materialized_view' if target.type == 'postgres' else 'table',
    contract={'enforced': false},
    indexes=[{'columns': ['id'], 'unique': true}],
    meta={'refresh': {'ignore': ['updated_at']}},
) }}

with

editions as (
    select
        *,
        nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') as player
    from {{ ref('editions_snapshot') }}
),

collected as (
    select
        1 as id,
        {{ sorted_json_array('player') }} as players,
        {{ sorted_json_array('team_name') }} as teams,
        {{ sorted_json_array('series_name') }} as series,
        {{ sorted_json_array('set_name') }} as sets,
        {{ sorted_json_array('position') }} as positions,
        {{ sorted_json_array('tier') }} as tiers,
        current_timestamp::timestamptz as updated_at
    from editions
)

select * from collected
