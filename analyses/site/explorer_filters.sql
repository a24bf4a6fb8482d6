-- The explorer: the values of its filters.

select
    players,
    teams,
    series,
    sets,
    positions,
    tiers
from {{ ref('explorer_filters_snapshot') }}
