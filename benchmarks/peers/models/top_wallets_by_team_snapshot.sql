-- One row per team and wallet.

{{ config(
    unique_key=replaced_by(['team_name', 'wallet_address']),
    indexes=[
        {'columns': ['wallet_address', 'team_name'], 'unique': true},
        {'columns': ['team_name', 'total_moments', 'display_name']},
    ],
) }}

select
    team_name,
    wallet_address,
    coalesce(profile_name, wallet_address) as display_name,
    count(*) as total_moments,
    count(*) filter (where not is_locked) as unlocked_moments,
    count(*) filter (where is_locked) as locked_moments,
    {{ moments_by_tier() }},
    now() as updated_at
from {{ held_moments() }}
where team_name is not null and {{ of_collectors() }} and {{ of_changed_wallets() }}
group by team_name, wallet_address, profile_name
