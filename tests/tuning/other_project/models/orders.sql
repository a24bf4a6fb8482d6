{{ config(
    materialized='incremental',
    unique_key='order_id',
    indexes=[{'columns': ['order_id'], 'unique': true}],
) }}

select
    order_id,
    order_id % 7 as customer_id,
    order_id * 10 as amount,
    timestamptz '2026-01-01 UTC' + order_id * interval '1 day' as ordered_at
from generate_series(1, {{ env_var('SHOP_ORDERS', '100') }}) as order_id
{%- if is_incremental() %}
where order_id > (select max(order_id) from {{ this }})
{%- endif %}
