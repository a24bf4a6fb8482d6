{#- The join that the six snapshots have in common, as a subquery, which the planner flattens. -#}

{% macro join_moments() -%}
(
    select
        h.wallet_address, h.is_locked, w.display_name as profile_name, m.edition_id, m.first_name, m.last_name, m.team_name,
        m.position, m.tier, m.series_name, m.set_name, m.max_mint_size, m.serial_number, p.lowest_ask_usd, p.avg_sale_usd,
        p.top_sale_usd
    from {{ source('raw', 'wallet_holdings') }} as h
    left join {{ source('raw', 'nft_core_metadata') }} as m on h.nft_id = m.nft_id
    left join {{ source('raw', 'edition_price_scrape') }} as p on m.edition_id = p.edition_id
    left join {{ source('raw', 'wallet_profiles') }} as w on h.wallet_address = w.wallet_address
)
{%- endmacro %}
