{#-
    The batches of `runner load`. On Snowflake nothing is loaded: a batch is the second of a holding's last event, as in
    batch_id of `loaded`.
-#}

{% macro load_batches() -%}
    {{ return(adapter.dispatch('load_batches')()) }}
{%- endmacro %}


{% macro postgres__load_batches() -%}
    {{ source('runner', 'load_batches') }}
{%- endmacro %}


{% macro snowflake__load_batches() -%}
    (
        select
            batch_id,
            'wallet_holdings' as source,
            dateadd(second, batch_id, '1970-01-01 00:00:00+00:00'::timestamptz) as applied_at
        from {{ ref('stg_wallet_holdings') }}
        group by batch_id
    )
{%- endmacro %}
