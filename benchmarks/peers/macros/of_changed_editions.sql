{#- Whether a moment of the edition has changed hands since the last run, or its price. -#}

{% macro of_changed_editions() -%}
    {%- if is_incremental() -%}
    edition_id in (
        select moment.edition_id
        from {{ source('raw', 'wallet_holdings_changes') }} as changed
        inner join {{ source('raw', 'nft_core_metadata') }} as moment on changed.nft_id = moment.nft_id
        where changed.batch_id > {{ var('since') }}
        union
        select edition_id from {{ source('raw', 'edition_price_scrape_changes') }} where batch_id > {{ var('since') }}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
