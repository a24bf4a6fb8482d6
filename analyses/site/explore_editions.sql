-- The explorer: editions of a team and a tier, the cheapest first. A few thousand rows: any plan is fast.

select
    edition_id,
    first_name,
    last_name,
    set_name,
    total_moments,
    lowest_ask_usd,
    avg_sale_usd
from {{ ref('editions_snapshot') }}
where team_name = '{{ var("team", "Dallas Cowboys") }}' and tier = '{{ var("tier_name", "RARE") }}'
order by lowest_ask_usd nulls last, edition_id
limit 50
