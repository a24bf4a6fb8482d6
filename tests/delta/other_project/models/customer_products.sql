-- One row per step, customer and product: by how much the orders changed.

{{ config(
    incremental_strategy='changelog',
    indexes=[{'columns': ['step']}],
    meta={
        'delta': {'bakery.orders': 'whole'},
        'changelog': {'sum': ['orders', 'quantity', 'spent']},
    },
) }}

with

signed as (
    select
        1 as weight,
        customer,
        product,
        quantity,
        price
    from {{ source('bakery', 'orders') }}
    where {{ delta_models.rows_if_rebuild('bakery.orders') }}
    union all
    select
        weight,
        customer,
        product,
        quantity,
        price
    from {{ source('bakery', 'orders_changes') }}
    where {{ delta_models.unread_batches('bakery.orders') }}
)

select
    {{ delta_models.delta_setting('', 'step', 0) }} as step,
    customer,
    product,
    sum(weight)::bigint as orders,
    sum(weight * quantity)::bigint as quantity,
    sum(weight * quantity * price)::numeric(20, 2) as spent
from signed
group by customer, product
having sum(weight) <> 0 or sum(weight * quantity) <> 0 or sum(weight * quantity * price) <> 0
