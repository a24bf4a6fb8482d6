-- Which share of a series' moments is locked, and cannot be sold?

with

editions as (
    select
        edition_id,
        series_name
    from {{ ref('int_editions') }}
    group by edition_id, series_name
    having sum(weight) > 0
),

held as (
    select
        edition_id,
        sum(moments) as moments,
        sum(locked) as locked
    from {{ ref('int_wallet_editions') }}
    group by edition_id
    having sum(moments) > 0
)

select
    editions.series_name,
    sum(held.moments) as moments,
    sum(held.locked) as locked,
    (100.0 * sum(held.locked) / sum(held.moments))::decimal(10, 2) as locked_percent
from held
inner join editions on held.edition_id = editions.edition_id
group by editions.series_name
order by locked_percent desc, editions.series_name asc
