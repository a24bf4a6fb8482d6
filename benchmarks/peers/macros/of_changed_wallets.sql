{#-
    Whether the holder has gained or lost a moment since the last run, or, where values are summed, holds one whose price
    has changed. What the loader logged says so: a cursor on last_event_ts would miss who gave a moment away.
-#}

{% macro of_changed_wallets(by_value=false) -%}
    {%- if is_incremental() -%}
    wallet_address in (
        select wallet_address from {{ source('raw', 'wallet_holdings_changes') }} where batch_id > {{ var('since') }}
        {%- if by_value %}
        union
        select holder.wallet_address
        from {{ source('raw', 'edition_price_scrape_changes') }} as price
        inner join {{ source('raw', 'nft_core_metadata') }} as moment on price.edition_id = moment.edition_id
        inner join {{ source('raw', 'wallet_holdings') }} as holder on moment.nft_id = holder.nft_id
        where price.batch_id > {{ var('since') }}
        {%- endif %}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
