-- Protects the editions: each has one version that has not ended, and its row shows that version.

with

versions as (
    select
        edition_id,
        tier,
        team_name,
        lowest_ask_usd,
        avg_sale_usd,
        top_sale_usd,
        sum(weight) as weight
    from {{ ref('int_editions') }}
    group by
        edition_id, first_name, last_name, team_name, position, tier, series_name, set_name, max_mint_size,
        lowest_ask_usd, avg_sale_usd, top_sale_usd
    having sum(weight) <> 0
),

editions as (
    select * from {{ ref('editions_snapshot') }}
)

select coalesce(editions.edition_id, versions.edition_id) as edition_id
from versions
full join editions on versions.edition_id = editions.edition_id
where
    (versions.tier, versions.team_name, versions.lowest_ask_usd, versions.avg_sale_usd, versions.top_sale_usd)
    is distinct from
    (editions.tier, editions.team_name, editions.lowest_ask_usd, editions.avg_sale_usd, editions.top_sale_usd)
    or versions.weight is distinct from 1
    or editions.edition_id is null
