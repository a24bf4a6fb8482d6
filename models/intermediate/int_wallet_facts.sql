-- One row per wallet, tier and team; tier and team are NULL where they are not known.

{{ config(indexes=[{'columns': ['wallet_address', 'tier', 'team_name'], 'unique': true}]) }}

with

wallet_editions as (
    select * from {{ ref('int_wallet_editions') }}
),

editions as (
    select * from {{ ref('int_editions') }}
),

facts as (
    select
        wallet_editions.wallet_address,
        editions.tier,
        editions.team_name,
        sum(wallet_editions.moments)::bigint as moments,
        sum(wallet_editions.locked)::bigint as locked,
        sum(wallet_editions.moments * coalesce(editions.lowest_ask_usd, 0))::numeric(20, 2) as floor_value,
        sum(wallet_editions.moments * coalesce(editions.avg_sale_usd, 0))::numeric(20, 2) as asp_value,
        coalesce(sum(wallet_editions.moments) filter (
            where coalesce(editions.lowest_ask_usd, editions.avg_sale_usd) is not null
        ), 0)::bigint as priced_moments,
        max(wallet_editions.last_batch_id) as last_batch_id
    from wallet_editions
    left join editions on wallet_editions.edition_id = editions.edition_id
    group by wallet_editions.wallet_address, editions.tier, editions.team_name
)

select * from facts
