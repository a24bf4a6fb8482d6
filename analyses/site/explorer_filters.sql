-- The explorer: what its filters offer.

select
    players,
    teams,
    series,
    sets,
    positions,
    tiers
from {{ ref('explorer_filters_snapshot') }}
