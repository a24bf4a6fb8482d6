-- One row per wallet on the leaderboard by moments.

{{ config(
    unique_key='wallet_address',
    indexes=[{'columns': ['wallet_address'], 'unique': true}, {'columns': ['total_moments', 'display_name']}],
) }}

select
    wallet_address,
    coalesce(profile_name, wallet_address) as display_name,
    count(*) as total_moments,
    count(*) filter (where not is_locked) as unlocked_moments,
    count(*) filter (where is_locked) as locked_moments,
    {{ moments_by_tier() }},
    now() as updated_at
from {{ held_moments() }}
where {{ of_collectors() }} and {{ of_changed_wallets() }}
group by wallet_address, profile_name
