-- One row per wallet on the leaderboard by value.

{{ config(
    unique_key='wallet_address',
    indexes=[{'columns': ['wallet_address'], 'unique': true}, {'columns': ['floor_value', 'display_name']}],
) }}

select
    h.wallet_address,
    coalesce(w.display_name, h.wallet_address) as display_name,
    count(*) as total_moments,
    {{ moments_by_tier() }},
    coalesce(sum(p.lowest_ask_usd), 0) as floor_value,
    coalesce(sum(p.avg_sale_usd), 0) as asp_value,
    now() as updated_at
from {{ held_moments() }}
where {{ of_collectors() }} and {{ of_changed_wallets(by_value=true) }}
group by h.wallet_address, w.display_name
