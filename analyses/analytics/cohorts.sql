-- Of the wallets that first held a moment at the same time, how many still hold one, and how many moments?

with

wallets as (
    select
        wallet_address,
        min(case when moments > 0 then {{ var("number", "step") }} end) as cohort,
        sum(moments) as moments
    from {{ ref('int_wallet_facts') }}
    group by wallet_address
)

select
    cohort,
    count(*) as wallets,
    sum(case when moments > 0 then 1 else 0 end) as still_holding,
    sum(moments) as moments
from wallets
where cohort is not null
group by cohort
order by cohort
