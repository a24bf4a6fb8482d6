-- Protects the other tests, which an empty table passes: somebody holds a moment.

select 'wallet_summary_snapshot is empty: load holdings first' as problem
where not exists (select from {{ ref('wallet_summary_snapshot') }})
