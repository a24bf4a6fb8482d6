-- One row per wallet that holds a moment.

{{ config(
    unique_key='wallet_address',
    indexes=[{'columns': ['wallet_address'], 'unique': true}, {'columns': ['display_name']}],
) }}

select
    h.wallet_address,
    coalesce(w.display_name, h.wallet_address) as display_name,
    count(*) as moments_total,
    count(*) filter (where h.is_locked) as locked_count,
    count(*) filter (where not h.is_locked) as unlocked_count,
    {{ moments_by_tier() }},
    coalesce(sum(p.lowest_ask_usd), 0) as floor_value,
    coalesce(sum(p.avg_sale_usd), 0) as asp_value,
    count(coalesce(p.lowest_ask_usd, p.avg_sale_usd)) as priced_moments,
    now() as last_synced_at,
    now() as updated_at
from {{ held_moments() }}
where {{ of_changed_wallets(by_value=true) }}
group by h.wallet_address, w.display_name
