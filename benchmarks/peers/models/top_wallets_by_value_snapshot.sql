-- One row per wallet on the leaderboard by value.

{{ config(
    unique_key='wallet_address',
    indexes=[{'columns': ['wallet_address'], 'unique': true}, {'columns': ['floor_value', 'display_name']}],
) }}

select
    wallet_address,
    coalesce(profile_name, wallet_address) as display_name,
    count(*) as total_moments,
    {{ moments_by_tier() }},
    coalesce(sum(lowest_ask_usd), 0) as floor_value,
    coalesce(sum(avg_sale_usd), 0) as asp_value,
    now() as updated_at
from {{ held_moments() }}
where {{ of_collectors() }} and {{ of_changed_wallets(by_value=true) }}
group by wallet_address, profile_name
