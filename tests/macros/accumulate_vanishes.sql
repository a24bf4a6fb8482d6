-- A row vanishes when its sums come to zero and the rest of it is NULL; without a rule, never.

{% set rules = {'sums': ['moments'], 'latest': ['tier'], 'vanishes': ['moments', 'tier']} %}

with

old (id, moments, tier) as (
    values (1, 2, 'RARE'), (2, 2, null), (3, 2, null), (4, 0, null)
),

new (id, moments, tier, vanishes, is_empty) as (
    values
    (1, -2, null, true, false),
    (2, -2, 'RARE', false, false),
    (3, -1, null, false, false),
    (4, 1, null, false, true)
)

select old.id
from old
inner join new on old.id = new.id
where
    new.vanishes <> {{ accumulate_vanishes(rules, 'old', 'new') }}
    or new.is_empty <> {{ accumulate_vanishes(rules, 'old') }}
    or {{ accumulate_vanishes({}, 'old', 'new') }}
