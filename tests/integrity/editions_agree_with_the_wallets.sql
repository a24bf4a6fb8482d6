-- Protects the counts and the money: added up by edition at its prices, and by wallet, they come to the same.

with

editions as (
    select
        {{ tier_counts('total_moments') }},
        coalesce(sum(total_moments * lowest_ask_usd), 0) as floor_value,
        coalesce(sum(total_moments * avg_sale_usd), 0) as asp_value,
        coalesce(
            sum(total_moments) filter (where num_nonnulls(lowest_ask_usd, avg_sale_usd) > 0), 0
        ) as priced_moments
    from {{ ref('editions_snapshot') }}
),

wallets as (
    select
        coalesce(sum(tier_common), 0) as tier_common,
        coalesce(sum(tier_uncommon), 0) as tier_uncommon,
        coalesce(sum(tier_rare), 0) as tier_rare,
        coalesce(sum(tier_legendary), 0) as tier_legendary,
        coalesce(sum(tier_ultimate), 0) as tier_ultimate,
        coalesce(sum(floor_value), 0) as floor_value,
        coalesce(sum(asp_value), 0) as asp_value,
        coalesce(sum(priced_moments), 0) as priced_moments
    from {{ ref('wallet_summary_snapshot') }}
)

select editions.*
from editions
cross join wallets
where
    (editions.tier_common, editions.tier_uncommon, editions.tier_rare, editions.tier_legendary)
    <> (wallets.tier_common, wallets.tier_uncommon, wallets.tier_rare, wallets.tier_legendary)
    or (editions.tier_ultimate, editions.floor_value, editions.asp_value, editions.priced_moments)
    <> (wallets.tier_ultimate, wallets.floor_value, wallets.asp_value, wallets.priced_moments)
