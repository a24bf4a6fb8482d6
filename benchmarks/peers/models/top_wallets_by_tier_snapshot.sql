-- One row per tier and wallet.

{{ config(
    unique_key=replaced_by(['tier', 'wallet_address']),
    indexes=[
        {'columns': ['wallet_address', 'tier'], 'unique': true},
        {'columns': ['tier', 'total_moments', 'display_name']},
    ],
) }}

select
    lower(tier) as tier,
    wallet_address,
    coalesce(profile_name, wallet_address) as display_name,
    count(*) as total_moments,
    count(*) filter (where not is_locked) as unlocked_moments,
    count(*) filter (where is_locked) as locked_moments,
    {{ moments_by_tier() }},
    now() as updated_at
from {{ held_moments() }}
where tier is not null and {{ of_collectors() }} and {{ of_changed_wallets() }}
group by tier, wallet_address, profile_name
