-- Values are distinct, sorted and without NULLs; without values the array is empty, not NULL.

with

names (name) as (
    values ('b'), ('a'), ('b'), (null)
),

collected as (
    select
        {{ sorted_json_array('name') }} as names,
        {{ sorted_json_array('nullif(name, name)') }} as no_names
    from names
)

select *
from collected
where names <> '["a", "b"]'::jsonb or no_names is distinct from '[]'::jsonb
