-- One row per customer with orders.

{{ config(
    unique_key='customer',
    indexes=[{'columns': ['customer'], 'unique': true}],
    meta={
        'delta': {'customer_products': 'whole'},
        'accumulate': {'sum': ['orders', 'spent'], 'delete_when_empty': ['orders']},
    },
) }}

select
    customer,
    sum(orders)::bigint as orders,
    sum(spent)::numeric(20, 2) as spent,
    now() as updated_at
from {{ delta_models.unread_rows('customer_products') }} as changes
group by customer
