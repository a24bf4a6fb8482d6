-- One row per edition known from metadata, held or not.

{{ config(indexes=[{'columns': ['edition_id'], 'unique': true}]) }}

with

editions as (
    select * from {{ ref('int_editions') }}
),

holdings as (
    select * from {{ ref('stg_wallet_holdings') }}
),

metadata as (
    select * from {{ ref('stg_nft_core_metadata') }}
),

held as (
    select
        metadata.edition_id,
        count(*) as total_moments,
        min(metadata.serial_number) as min_serial,
        max(metadata.serial_number) as max_serial
    from holdings
    inner join metadata on holdings.nft_id = metadata.nft_id
    group by metadata.edition_id
),

joined as (
    select
        editions.edition_id,
        editions.first_name,
        editions.last_name,
        editions.team_name,
        editions.position,
        editions.tier,
        editions.series_name,
        editions.set_name,
        editions.max_mint_size,
        coalesce(held.total_moments, 0) as total_moments,
        held.min_serial,
        held.max_serial,
        editions.lowest_ask_usd,
        editions.avg_sale_usd,
        editions.top_sale_usd,
        now() as updated_at
    from editions
    left join held on editions.edition_id = held.edition_id
)

select * from joined
