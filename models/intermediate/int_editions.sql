-- One row per edition known from metadata, with its prices.

{{ config(indexes=[{'columns': ['edition_id'], 'unique': true}]) }}

with

-- Moments of an edition may disagree while a correction arrives: the newest speaks. Read apart from
-- `metadata`, since a CTE that is used twice is written out, and this one is millions of rows.
newest_moments as (
    select max(nft_id) as nft_id
    from {{ ref('stg_nft_core_metadata') }}
    where edition_id is not null
    group by edition_id
),

metadata as (
    select * from {{ ref('stg_nft_core_metadata') }}
),

prices as (
    select * from {{ ref('stg_edition_price_scrape') }}
),

priced as (
    select
        metadata.edition_id,
        metadata.first_name,
        metadata.last_name,
        metadata.team_name,
        metadata.position,
        metadata.tier,
        metadata.series_name,
        metadata.set_name,
        metadata.max_mint_size,
        prices.lowest_ask_usd,
        prices.avg_sale_usd,
        prices.top_sale_usd
    from newest_moments
    inner join metadata on newest_moments.nft_id = metadata.nft_id
    left join prices on metadata.edition_id = prices.edition_id
)

select * from priced
