-- Protects against lost or doubled moments: the summary counts exactly what raw holds.

{{ config(tags=['full_check']) }}

with

summary as (
    select coalesce(sum(moments_total), 0) as moments from {{ ref('wallet_summary_snapshot') }}
),

holdings as (
    select count(*) as moments from {{ ref('stg_wallet_holdings') }}
)

select
    summary.moments as counted,
    holdings.moments as held
from summary
cross join holdings
where summary.moments <> holdings.moments
