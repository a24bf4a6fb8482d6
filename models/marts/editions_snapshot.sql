-- One row per edition known from metadata, held or not.

{{ config(
    indexes=[{'columns': ['edition_id'], 'unique': true}],
    unique_key='edition_id',
    meta={
        'delta': {
            'int_wallet_editions': 'whole',
            'int_editions': 'whole',
            'raw.nft_core_metadata': 'changes',
            'raw.wallet_holdings': 'changes',
        },
        'accumulate': {
            'sum': ['total_moments'],
            'replace': [
                'first_name', 'last_name', 'team_name', 'position', 'tier', 'series_name', 'set_name',
                'max_mint_size', 'min_serial', 'max_serial', 'lowest_ask_usd', 'avg_sale_usd', 'top_sale_usd',
            ],
            'delete_when_empty': ['total_moments', 'updated_at'],
        },
    },
) }}

-- Outside the condition, so that dbt finds the reference when it parses.
{% set holding_changes = ref('stg_wallet_holdings_changes') %}

with

holdings as {{ not_materialized() }} (
    select * from {{ ref('stg_wallet_holdings') }}
),

metadata as {{ not_materialized() }} (
    select * from {{ ref('stg_nft_core_metadata') }}
),

-- A moment that passes from wallet to wallet changes nothing here: then the sum of the edition is 0.
touched as (
    select
        edition_id,
        sum(moments)::bigint as total_moments
    from (
        select
            edition_id,
            moments,
            0 as is_other
        from {{ unread_rows('int_wallet_editions') }} as held
        where edition_id is not null
        union all
        select
            edition_id,
            0 as moments,
            1 as is_other
        from {{ unread_rows('int_editions') }} as known
        union all
        -- A corrected serial number is in neither changelog.
        select
            edition_id,
            0 as moments,
            1 as is_other
        from {{ ref('stg_nft_core_metadata_changes') }}
        where edition_id is not null
        {%- if is_incremental() %}
        union all
        -- The sum is 0 also if one moment goes and another comes, which may have another serial number.
        select
            metadata.edition_id,
            0 as moments,
            1 as is_other
        from (
            select nft_id from {{ holding_changes }}
            group by nft_id
            having sum(weight) <> 0
        ) as came_or_went
        inner join metadata on came_or_went.nft_id = metadata.nft_id
        where metadata.edition_id is not null
        {%- endif %}
    ) as changed
    group by edition_id
    having sum(moments) <> 0 or max(is_other) = 1
),

editions as (
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
        lowest_ask_usd,
        avg_sale_usd,
        top_sale_usd
    from {{ ref('int_editions') }}
    where edition_id in (select touched.edition_id from touched)
    group by
        edition_id, first_name, last_name, team_name, position, tier, series_name, set_name, max_mint_size,
        lowest_ask_usd, avg_sale_usd, top_sale_usd
    having sum(weight) > 0
),

-- Lowest and highest serial numbers are not sums: look them up among the held moments.
serials as (
    {{ held_serials() }}
),

described as (
    select
        touched.edition_id,
        editions.first_name,
        editions.last_name,
        editions.team_name,
        editions.position,
        editions.tier,
        editions.series_name,
        editions.set_name,
        editions.max_mint_size,
        touched.total_moments,
        serials.min_serial,
        serials.max_serial,
        editions.lowest_ask_usd,
        editions.avg_sale_usd,
        editions.top_sale_usd,
        -- NULL if metadata does not have the edition: the row is then deleted once it has no moments.
        case when editions.edition_id is not null then current_timestamp::timestamptz end as updated_at
    from touched
    left join editions on touched.edition_id = editions.edition_id
    left join serials on touched.edition_id = serials.edition_id
)

select * from described
