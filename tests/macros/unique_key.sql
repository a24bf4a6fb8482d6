-- Finds a key of two rows once, treats NULLs as equal, and does not find a key of one row.

{% set keys %}
    (values ('a', 1), ('a', 2), ('b', 1), ('b', 1), (null, 1), (null, 1)) as keys (name, number)
{% endset %}

with

found as (
    {{ test_unique_key(keys, ['name', 'number']) }}
)

select count(*) as keys_found
from found
having count(*) <> 2
