-- How did the value of a team's moments, at the lowest ask, develop? One row each time that it changed.

with

changes as (
    select
        team_name,
        {{ var("number", "step") }} as number,
        sum(floor_cents) as floor_cents
    from {{ ref('int_wallet_facts') }}
    group by team_name, {{ var("number", "step") }}
    having sum(floor_cents) <> 0
)

select
    team_name,
    number,
    (sum(floor_cents) over (partition by team_name order by number) / 100.0)::decimal(18, 2) as floor_usd
from changes
order by team_name, number
