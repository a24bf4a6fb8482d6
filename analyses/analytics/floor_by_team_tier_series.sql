-- What is the cheapest moment of each team, tier and series, and what are all worth at their lowest ask?

with

held as (
    select
        edition_id,
        sum(moments) as moments
    from {{ ref('int_wallet_editions') }}
    group by edition_id
),

editions as (
    select
        edition_id,
        team_name,
        tier,
        series_name,
        lowest_ask_usd
    from {{ ref('int_editions') }}
    group by edition_id, team_name, tier, series_name, lowest_ask_usd
    having sum(weight) > 0
)

select
    editions.team_name,
    editions.tier,
    editions.series_name,
    count(*) as editions,
    sum(held.moments) as moments,
    min(editions.lowest_ask_usd) as cheapest_usd,
    sum(held.moments * editions.lowest_ask_usd) as floor_usd
from editions
inner join held on editions.edition_id = held.edition_id
where held.moments > 0
group by editions.team_name, editions.tier, editions.series_name
order by floor_usd desc, editions.team_name asc, editions.tier asc, editions.series_name asc
