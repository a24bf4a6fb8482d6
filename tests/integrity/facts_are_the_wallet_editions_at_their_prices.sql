-- Protects int_wallet_facts: its sum is the wallets' editions with their current attributes and prices.

{{ config(tags=['full_check']) }}

with

editions as (
    select
        edition_id,
        tier,
        team_name,
        coalesce(lowest_ask_usd, 0) * 100 as floor_cents,
        coalesce(avg_sale_usd, 0) * 100 as asp_cents,
        (num_nonnulls(lowest_ask_usd, avg_sale_usd) > 0)::integer as priced
    from {{ ref('int_editions') }}
    group by edition_id, tier, team_name, lowest_ask_usd, avg_sale_usd
    having sum(weight) > 0
),

held as (
    select
        wallet_address,
        edition_id,
        sum(moments) as moments,
        sum(locked) as locked
    from {{ ref('int_wallet_editions') }}
    group by wallet_address, edition_id
),

signed as (
    select
        wallet_address,
        tier,
        team_name,
        moments,
        locked,
        floor_cents,
        asp_cents,
        priced_moments
    from {{ ref('int_wallet_facts') }}
    union all
    select
        held.wallet_address,
        editions.tier,
        editions.team_name,
        -held.moments as moments,
        -held.locked as locked,
        -held.moments * coalesce(editions.floor_cents, 0) as floor_cents,
        -held.moments * coalesce(editions.asp_cents, 0) as asp_cents,
        -held.moments * coalesce(editions.priced, 0) as priced_moments
    from held
    left join editions on held.edition_id = editions.edition_id
)

select
    wallet_address,
    tier,
    team_name
from signed
group by wallet_address, tier, team_name
having (sum(moments), sum(locked), sum(floor_cents), sum(asp_cents), sum(priced_moments)) <> (0, 0, 0, 0, 0)
