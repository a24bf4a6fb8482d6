-- One row per product that is ordered, for regular customers and for guests.

{{ config(
    unique_key=['product', 'is_regular'],
    indexes=[{'columns': ['product', 'is_regular'], 'unique': true}],
    meta={
        'delta': {'customer_products': 'whole'},
        'accumulate': {'sum': ['orders', 'quantity'], 'delete_when_empty': ['orders']},
    },
) }}

select
    product,
    customer <> 'guest' as is_regular,
    sum(orders)::bigint as orders,
    sum(quantity)::bigint as quantity,
    now() as updated_at
from {{ delta_models.unread_rows('customer_products') }} as changes
group by product, customer <> 'guest'
