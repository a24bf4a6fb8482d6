-- One row per wallet that holds a moment.

{{ config(
    unique_key='wallet_address',
    indexes=[{'columns': ['wallet_address'], 'unique': true}, {'columns': ['display_name']}],
) }}

select
    wallet_address,
    coalesce(profile_name, wallet_address) as display_name,
    count(*) as moments_total,
    count(*) filter (where is_locked) as locked_count,
    count(*) filter (where not is_locked) as unlocked_count,
    {{ moments_by_tier() }},
    coalesce(sum(lowest_ask_usd), 0) as floor_value,
    coalesce(sum(avg_sale_usd), 0) as asp_value,
    count(coalesce(lowest_ask_usd, avg_sale_usd)) as priced_moments,
    now() as last_synced_at,
    now() as updated_at
from {{ held_moments() }}
where {{ of_changed_wallets(by_value=true) }}
group by wallet_address, profile_name
