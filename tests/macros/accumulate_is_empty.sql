-- A row is empty when its sums are zero and its other columns are NULL; without a rule, it never is.

{% set rules = {'sum': ['moments'], 'replace': ['tier'], 'delete_when_empty': ['moments', 'tier']} %}

with

old (id, moments, tier) as (
    values (1, 2, 'RARE'), (2, 2, null), (3, 2, null), (4, 0, null)
),

new (id, moments, tier, becomes_empty, is_empty) as (
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
    new.becomes_empty <> {{ postgres__accumulate_is_empty(rules, 'old', 'new') }}
    or new.is_empty <> {{ postgres__accumulate_is_empty(rules, 'old') }}
    or {{ postgres__accumulate_is_empty({}, 'old', 'new') }}
