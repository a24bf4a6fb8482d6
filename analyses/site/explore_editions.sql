-- The explorer: editions, filtered and sorted, those without a value last. A few thousand rows: any plan is
-- fast.

with

editions as (
    select
        *,
        case {{ bound('sort', 'lowest_ask_usd') }}
            when 'lowest_ask_usd' then coalesce(lowest_ask_usd, 'infinity')
            when '-lowest_ask_usd' then -coalesce(lowest_ask_usd, '-infinity')
            when 'total_moments' then total_moments
            when '-total_moments' then -total_moments
        end as place
    from {{ ref('editions_snapshot') }}
),

last_seen as (
    select
        place,
        edition_id
    from editions
    where edition_id = {{ bound('after', none) }}
)

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
    total_moments,
    min_serial,
    max_serial,
    lowest_ask_usd,
    avg_sale_usd,
    top_sale_usd,
    updated_at
from editions
where
    ({{ bound('team', 'Dallas Cowboys') }}::text is null or team_name = {{ bound('team', 'Dallas Cowboys') }})
    and ({{ bound('tier', 'rare') }}::text is null or tier = upper({{ bound('tier', 'rare') }}))
    and ({{ bound('series', none) }}::text is null or series_name = {{ bound('series', none) }})
    and ({{ bound('set', none) }}::text is null or set_name = {{ bound('set', none) }})
    and ({{ bound('position', none) }}::text is null or position = {{ bound('position', none) }})
    and (
        {{ bound('player', none) }}::text is null
        or trim(concat_ws(' ', first_name, last_name)) = {{ bound('player', none) }}
    )
    and (
        {{ bound('after', none) }}::text is null
        or (place, edition_id) > (
            select
                last_seen.place,
                last_seen.edition_id
            from last_seen
        )
    )
order by place, edition_id
limit {{ bound('limit', 50) }}
