-- A wallet's page while its snapshot is missing: the same numbers, from what is loaded.
-- plan: Index Only Scan on wallet_holdings
-- plan: Index Scan on nft_core_metadata
-- plan: Index Only Scan on nft_core_metadata
-- plan: Index Scan on wallet_profiles

with

held as materialized (
    select
        holdings.is_locked,
        metadata.edition_id
    from {{ source('raw', 'wallet_holdings') }} as holdings
    left join {{ source('raw', 'nft_core_metadata') }} as metadata on holdings.nft_id = metadata.nft_id
    where holdings.wallet_address = {{ bound('address', '0x0000000000000001') }}
),

by_edition as (
    select
        edition_id,
        count(*) as moments,
        count(*) filter (where is_locked) as locked
    from held
    group by edition_id
),

-- An edition is described by its first moment.
described as (
    select
        by_edition.moments,
        by_edition.locked,
        (
            select upper(nullif(trim(metadata.tier), ''))
            from {{ source('raw', 'nft_core_metadata') }} as metadata
            where metadata.edition_id = by_edition.edition_id
            order by metadata.serial_number, metadata.nft_id
            limit 1
        ) as tier,
        prices.lowest_ask_usd,
        prices.avg_sale_usd
    from by_edition
    left join {{ source('raw', 'edition_price_scrape') }} as prices
        on by_edition.edition_id = prices.edition_id
),

totals as (
    select
        sum(moments)::bigint as moments_total,
        sum(locked)::bigint as locked_count,
        sum(moments - locked)::bigint as unlocked_count,
        coalesce(sum(moments) filter (where tier = 'COMMON'), 0)::bigint as tier_common,
        coalesce(sum(moments) filter (where tier = 'UNCOMMON'), 0)::bigint as tier_uncommon,
        coalesce(sum(moments) filter (where tier = 'RARE'), 0)::bigint as tier_rare,
        coalesce(sum(moments) filter (where tier = 'LEGENDARY'), 0)::bigint as tier_legendary,
        coalesce(sum(moments) filter (where tier = 'ULTIMATE'), 0)::bigint as tier_ultimate,
        coalesce(sum(moments * lowest_ask_usd), 0) as floor_value,
        coalesce(sum(moments * avg_sale_usd), 0) as asp_value,
        coalesce(sum(moments) filter (where num_nonnulls(lowest_ask_usd, avg_sale_usd) > 0), 0)::bigint
            as priced_moments
    from described
)

select
    {{ bound('address', '0x0000000000000001') }} as wallet_address,
    coalesce((
        select nullif(trim(profiles.display_name), '')
        from {{ source('raw', 'wallet_profiles') }} as profiles
        where profiles.wallet_address = {{ bound('address', '0x0000000000000001') }}
    ), {{ bound('address', '0x0000000000000001') }}) as display_name,
    moments_total,
    locked_count,
    unlocked_count,
    tier_common,
    tier_uncommon,
    tier_rare,
    tier_legendary,
    tier_ultimate,
    floor_value,
    asp_value,
    priced_moments,
    true as live
from totals
where moments_total > 0
