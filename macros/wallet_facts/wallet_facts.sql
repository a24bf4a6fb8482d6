{#-
    What wallets hold, by attributes of the editions: signed rows to be added up, one for each group that changed, or in a
    rebuild for each group. With P for int_wallet_editions and E for int_editions, the change of their product is
    d(P x E) = dP x E_before + P_now x dE. In a rebuild dE is empty and dP is everything.
-#}

{% macro wallet_facts(attributes, valued=false) -%}
    {%- if attributes is string or not attributes -%}
        {{ exceptions.raise_compiler_error("wallet_facts: expected a list of columns, got '" ~ attributes ~ "'") }}
    {%- endif -%}
    {%- set columns = attributes | join(', ') -%}
    {#- Outside the condition, so that dbt finds the reference when it parses. -#}
    {%- set renamed = ref('stg_wallet_profiles_changes') -%}
    (
        with

        wallet_editions as {{ not_materialized() }} (
            select * from {{ ref('int_wallet_editions') }}
            where step <= {{ delta_setting('int_wallet_editions', 'upto', 9223372036854775807) }}
        ),

        {{ edition_versions(attributes, valued) }},

        terms as (
            select
                changed.wallet_address,
                changed.moments,
                changed.locked,
                changed.last_batch_id,
                false as renamed,
                editions_before.*
            from {{ unread_rows('int_wallet_editions') }} as changed
            left join editions_before on changed.edition_id = editions_before.edition_id

            union all

            select
                wallet_editions.wallet_address,
                wallet_editions.moments,
                wallet_editions.locked,
                null as last_batch_id,
                false as renamed,
                edition_changes.*
            from edition_changes
            inner join wallet_editions on edition_changes.edition_id = wallet_editions.edition_id
            {%- if is_incremental() %}

            union all

            -- A new name is a fact without moments, for every row that shows the name.
            select distinct
                known.wallet_address,
                0 as moments,
                0 as locked,
                null::bigint as last_batch_id,
                true as renamed,
                null as edition_id,
                0 as weight,
                {{ '0 as floor_cents, 0 as asp_cents, 0 as priced_moments,' if valued }}
                known.{{ attributes | join(', known.') }}
            from {{ this }} as known
            where known.wallet_address in (select renamed.wallet_address from {{ renamed }} as renamed)
            {%- endif %}
        )

        -- The weight is NULL where the edition of a changed holding is not known.
        select
            wallet_address,
            {{ columns }},
            sum(terms.moments * coalesce(terms.weight, 1))::integer as moments,
            sum(terms.locked * coalesce(terms.weight, 1))::integer as locked,
            {%- if valued %}
            coalesce(sum(terms.moments * terms.floor_cents), 0)::bigint as floor_cents,
            coalesce(sum(terms.moments * terms.asp_cents), 0)::bigint as asp_cents,
            coalesce(sum(terms.moments * terms.priced_moments), 0)::integer as priced_moments,
            {%- endif %}
            max(last_batch_id) as last_batch_id,
            max(renamed::integer) = 1 as renamed
        from terms
        group by wallet_address, {{ columns }}
    )
{%- endmacro %}
