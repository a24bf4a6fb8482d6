-- A bound is the transaction's setting, or the default if it has none. An expired setting is ''.

with

bounds as materialized (
    select
        set_config('delta.raw_example_after', '5', true) as after,
        set_config('delta.step', '7', true) as step,
        set_config('delta.raw_example_upto', '', true) as upto
),

read as materialized (
    select
        {{ delta_setting('raw.example', 'after', 1) }} as after,
        {{ delta_setting('', 'step', 1) }} as step,
        {{ delta_setting('raw.example', 'upto', 9) }} as upto,
        {{ delta_setting('raw.example', 'beyond', '(0,0)', 'tid') }} as beyond
    from bounds
)

select *
from read
where (after, step, upto, beyond) is distinct from (5, 7, 9, '(0,0)'::tid)
