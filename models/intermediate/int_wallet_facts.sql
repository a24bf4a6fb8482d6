-- One row per step, wallet, tier and team: by how much the wallet's moments and their value changed. The sum
-- over all steps is what every wallet mart adds up. Tier and team are NULL where they are not known.

{{ config(
    indexes=[{'columns': ['step']}],
    meta={
        'delta': {'int_wallet_editions': 'whole', 'int_editions': 'changes', 'raw.wallet_profiles': 'changes'},
        'log': {
            'sums': ['moments', 'locked', 'floor_cents', 'asp_cents', 'priced_moments'],
            'newest': ['last_batch_id'],
        },
    },
) }}

with

wallet_editions as not materialized (
    select * from {{ ref('int_wallet_editions') }}
    where step <= {{ delta_setting('int_wallet_editions', 'upto', 9223372036854775807) }}
),

editions as (
    select
        step,
        weight,
        edition_id,
        tier,
        team_name,
        (weight * coalesce(lowest_ask_usd, 0) * 100)::bigint as floor_cents,
        (weight * coalesce(avg_sale_usd, 0) * 100)::bigint as asp_cents,
        weight * (num_nonnulls(lowest_ask_usd, avg_sale_usd) > 0)::integer as priced
    from {{ ref('int_editions') }}
    where step <= {{ delta_setting('int_editions', 'upto', 9223372036854775807) }}
),

editions_before as (
    select
        edition_id,
        tier,
        team_name,
        sum(floor_cents)::bigint as floor_cents,
        sum(asp_cents)::bigint as asp_cents,
        sum(priced)::integer as priced
    from editions
    where step <= {{ delta_setting('int_editions', 'after', 9223372036854775807) }}
    group by edition_id, tier, team_name
    having sum(weight) > 0
),

-- What an edition gains in one version it loses in another, or from being unknown.
edition_changes as (
    select
        edition_id,
        tier,
        team_name,
        sum(weight)::integer as weight,
        sum(floor_cents)::bigint as floor_cents,
        sum(asp_cents)::bigint as asp_cents,
        sum(priced)::integer as priced
    from (
        select
            edition_id,
            tier,
            team_name,
            weight,
            floor_cents,
            asp_cents,
            priced
        from editions
        where step > {{ delta_setting('int_editions', 'after', 9223372036854775807) }}
        union all
        select
            edition_id,
            null as tier,
            null as team_name,
            -weight as weight,
            0 as floor_cents,
            0 as asp_cents,
            0 as priced
        from editions
        where step > {{ delta_setting('int_editions', 'after', 9223372036854775807) }}
    ) as signed
    group by edition_id, tier, team_name
    having sum(weight) <> 0 or sum(floor_cents) <> 0 or sum(asp_cents) <> 0 or sum(priced) <> 0
),

renamed as (
    select wallet_address from {{ ref('stg_wallet_profiles_changes') }}
),

-- d(P x E) = dP x E_before + P_now x dE
terms as (
    select
        changed.wallet_address,
        editions_before.tier,
        editions_before.team_name,
        changed.moments,
        changed.locked,
        changed.moments * editions_before.floor_cents as floor_cents,
        changed.moments * editions_before.asp_cents as asp_cents,
        changed.moments * editions_before.priced as priced_moments,
        changed.last_batch_id,
        false as renamed
    from {{ changes('int_wallet_editions') }} as changed
    left join editions_before on changed.edition_id = editions_before.edition_id

    union all

    select
        wallet_editions.wallet_address,
        edition_changes.tier,
        edition_changes.team_name,
        wallet_editions.moments * edition_changes.weight as moments,
        wallet_editions.locked * edition_changes.weight as locked,
        wallet_editions.moments * edition_changes.floor_cents as floor_cents,
        wallet_editions.moments * edition_changes.asp_cents as asp_cents,
        wallet_editions.moments * edition_changes.priced as priced_moments,
        null as last_batch_id,
        false as renamed
    from edition_changes
    inner join wallet_editions on edition_changes.edition_id = wallet_editions.edition_id
    {%- if is_incremental() %}

    union all

    -- A new name travels as a fact of no weight, to every row that shows it.
    select distinct
        known.wallet_address,
        known.tier,
        known.team_name,
        0 as moments,
        0 as locked,
        0 as floor_cents,
        0 as asp_cents,
        0 as priced_moments,
        null::bigint as last_batch_id,
        true as renamed
    from {{ this }} as known
    where known.wallet_address in (select renamed.wallet_address from renamed)
    {%- endif %}
),

net as (
    select
        {{ delta_setting('', 'step', 0) }} as step,
        wallet_address,
        tier,
        team_name,
        sum(moments)::integer as moments,
        sum(locked)::integer as locked,
        coalesce(sum(floor_cents), 0)::bigint as floor_cents,
        coalesce(sum(asp_cents), 0)::bigint as asp_cents,
        coalesce(sum(priced_moments), 0)::integer as priced_moments,
        max(last_batch_id) as last_batch_id,
        bool_or(renamed) as renamed
    from terms
    group by wallet_address, tier, team_name
)

select * from net
