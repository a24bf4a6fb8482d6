-- Moments are added up in the column of their tier; NULL, unknown and lower-case tiers count in none.

with

facts (moments, tier) as (
    values (1, 'COMMON'), (2, 'COMMON'), (4, 'ULTIMATE'), (8, null), (16, 'FANDOM'), (32, 'rare')
),

counted as (
    select {{ tier_counts() }} from facts
)

select *
from counted
where
    (tier_common, tier_uncommon, tier_rare, tier_legendary, tier_ultimate)
    is distinct from (3, 0, 0, 0, 4)
