{{ config(
    materialized='materialized_view',
    indexes=[{'columns': ['customer_id'], 'unique': true}],
    meta={'refresh': {'ignore': ['computed_at']}},
) }}

select
    customer_id,
    sum(amount) as spent,
    clock_timestamp() as computed_at
from {{ ref('orders') }}
group by customer_id
order by spent desc
limit 1
