{#- Each held moment, h, with its metadata m, its edition's prices p and its wallet's profile w. -#}

{% macro held_moments() -%}
    {{ source('raw', 'wallet_holdings') }} as h
left join {{ source('raw', 'nft_core_metadata') }} as m on h.nft_id = m.nft_id
left join {{ source('raw', 'edition_price_scrape') }} as p on m.edition_id = p.edition_id
left join {{ source('raw', 'wallet_profiles') }} as w on h.wallet_address = w.wallet_address
{%- endmacro %}
