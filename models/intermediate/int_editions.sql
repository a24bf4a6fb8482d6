-- One row per step, edition and version: weight 1 where the version begins, -1 where it ends. The sum over
-- all steps is the editions known from metadata, with their prices.

{{ config(
    indexes=[{'columns': ['step']}, {'columns': ['edition_id']}],
    meta={
        'delta': {'raw.nft_core_metadata': 'whole', 'raw.edition_price_scrape': 'changes'},
        'changelog': {'sum': ['weight']},
    },
) }}

{% set attributes = [
    'edition_id', 'first_name', 'last_name', 'team_name', 'position', 'tier', 'series_name', 'set_name',
    'max_mint_size', 'lowest_ask_usd', 'avg_sale_usd', 'top_sale_usd',
] %}

with

metadata as {{ not_materialized() }} (
    select * from {{ ref('stg_nft_core_metadata') }}
),

prices as (
    select * from {{ ref('stg_edition_price_scrape') }}
),

touched as (
    select edition_id from {{ ref('stg_nft_core_metadata_changes') }}
    where edition_id is not null
    union
    select edition_id from {{ ref('stg_edition_price_scrape_changes') }}
),

-- Use the moment with the lowest serial number: moments may differ while a correction is loaded.
first_moments as (
    {{ first_of_each('touched', 'metadata', 'edition_id', ['serial_number', 'nft_id']) }}
),

versions as (
    select
        1 as weight,
        first_moments.edition_id,
        first_moments.first_name,
        first_moments.last_name,
        first_moments.team_name,
        first_moments.position,
        first_moments.tier,
        first_moments.series_name,
        first_moments.set_name,
        first_moments.max_mint_size,
        prices.lowest_ask_usd,
        prices.avg_sale_usd,
        prices.top_sale_usd
    from first_moments
    left join prices on first_moments.edition_id = prices.edition_id
    {%- if is_incremental() %}
    union all
    select
        -weight as weight,
        {{ attributes | join(',\n        ') }}
    from {{ this }}
    where
        edition_id in (select touched.edition_id from touched)
        and coalesce(current_setting('delta.rebuild', true), '') = ''
    {%- endif %}
),

net as (
    select
        {{ delta_setting('', 'step', 0) }} as step,
        sum(versions.weight)::integer as weight,
        {{ attributes | join(',\n        ') }}
    from versions
    group by {{ attributes | join(', ') }}
    having sum(versions.weight) <> 0
)

select * from net
