-- One row per step, wallet and edition: by how many moments the wallet's holding of the edition changed. The
-- sum over all steps is the holding. The edition is NULL if a moment has no metadata yet.

{{ config(
    indexes=[{'columns': ['edition_id'], 'with': {'fillfactor': 60}}, {'columns': ['step']}],
    meta={
        'delta': {'raw.wallet_holdings': 'whole', 'raw.nft_core_metadata': 'changes'},
        'changelog': {'sum': ['moments', 'locked'], 'max': ['last_batch_id']},
    },
) }}

with

holdings as {{ not_materialized() }} (
    select * from {{ ref('stg_wallet_holdings') }}
),

holding_changes as {{ not_materialized() }} (
    select * from {{ ref('stg_wallet_holdings_changes') }}
),

metadata as {{ not_materialized() }} (
    select * from {{ ref('stg_nft_core_metadata') }}
),

metadata_changes as {{ not_materialized() }} (
    select * from {{ ref('stg_nft_core_metadata_changes') }}
),

-- A moment that is added to an edition is subtracted from another, or from the unknown edition.
remapped as (
    select
        nft_id,
        edition_id,
        weight
    from metadata_changes
    union all
    select
        nft_id,
        null as edition_id,
        -weight as weight
    from metadata_changes
),

-- d(H x M) = dH x M + H x dM - dH x dM, where H and M are the current tables.
terms as (
    select
        holding_changes.wallet_address,
        metadata.edition_id,
        holding_changes.weight,
        holding_changes.is_locked,
        holding_changes.batch_id
    from holding_changes
    left join metadata on holding_changes.nft_id = metadata.nft_id

    union all

    select
        holdings.wallet_address,
        remapped.edition_id,
        remapped.weight,
        holdings.is_locked,
        null as batch_id
    from remapped
    inner join holdings on remapped.nft_id = holdings.nft_id

    union all

    select
        holding_changes.wallet_address,
        remapped.edition_id,
        -holding_changes.weight * remapped.weight as weight,
        holding_changes.is_locked,
        null as batch_id
    from remapped
    inner join holding_changes on remapped.nft_id = holding_changes.nft_id
),

net as (
    select
        {{ delta_setting('', 'step', 0) }} as step,
        wallet_address,
        edition_id,
        sum(weight)::integer as moments,
        coalesce(sum(case when is_locked then weight end), 0)::integer as locked,
        max(batch_id) as last_batch_id
    from terms
    group by edition_id, wallet_address
    having sum(weight) <> 0 or sum(case when is_locked then weight end) <> 0 or max(batch_id) is not null
)

-- Store the rows of an edition together, because a change of an edition reads all of them.
select * from net
order by edition_id, wallet_address
