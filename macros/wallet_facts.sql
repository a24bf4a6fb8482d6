{#-
    What wallets hold, by attributes of its editions: signed rows to be added up, one for each group that changed.
    In a rebuild they are the whole; in an increment d(P x E) = dP x E_before + P_now x dE, where P is
    int_wallet_editions and E is int_editions.
-#}

{% macro wallet_facts(attributes, valued=false) -%}
    {%- if attributes is string or not attributes -%}
        {{ exceptions.raise_compiler_error("wallet_facts: expected a list of columns, got '" ~ attributes ~ "'") }}
    {%- endif -%}
    {%- set values = {'floor_cents': 'bigint', 'asp_cents': 'bigint', 'priced_moments': 'integer'} if valued else {} -%}
    {%- set renamed = ref('stg_wallet_profiles_changes') -%}
    {%- set last = 9223372036854775807 -%}
    (
        with

        wallet_editions as not materialized (
            select * from {{ ref('int_wallet_editions') }}
            where step <= {{ delta_setting('int_wallet_editions', 'upto', last) }}
        ),

        editions as (
            select
                step,
                weight,
                edition_id,
                {%- if valued %}
                (weight * coalesce(lowest_ask_usd, 0) * 100)::bigint as floor_cents,
                (weight * coalesce(avg_sale_usd, 0) * 100)::bigint as asp_cents,
                weight * (num_nonnulls(lowest_ask_usd, avg_sale_usd) > 0)::integer as priced_moments,
                {%- endif %}
                {{ attributes | join(', ') }}
            from {{ ref('int_editions') }}
            where step <= {{ delta_setting('int_editions', 'upto', last) }}
        ),

        editions_before as (
            select
                edition_id,
                {%- for value, type in values.items() %}
                sum({{ value }})::{{ type }} as {{ value }},
                {%- endfor %}
                {{ attributes | join(', ') }}
            from editions
            where step <= {{ delta_setting('int_editions', 'after', last) }}
            group by edition_id, {{ attributes | join(', ') }}
            having sum(weight) > 0
        ),

        -- What an edition gains in one version it loses in another, or from being unknown.
        edition_changes as (
            select
                edition_id,
                sum(weight)::integer as weight,
                {%- for value, type in values.items() %}
                sum({{ value }})::{{ type }} as {{ value }},
                {%- endfor %}
                {{ attributes | join(', ') }}
            from (
                select * from editions
                where step > {{ delta_setting('int_editions', 'after', last) }}
                union all
                select
                    step,
                    -weight as weight,
                    edition_id
                    {%- for value in values %},
                    0 as {{ value }}
                    {%- endfor %}
                    {%- for attribute in attributes %},
                    null as {{ attribute }}
                    {%- endfor %}
                from editions
                where step > {{ delta_setting('int_editions', 'after', last) }}
            ) as signed
            group by edition_id, {{ attributes | join(', ') }}
            having sum(weight) <> 0{% for value in values %} or sum({{ value }}) <> 0{% endfor %}
        ),

        terms as (
            select
                changed.wallet_address,
                {%- for attribute in attributes %}
                editions_before.{{ attribute }},
                {%- endfor %}
                changed.moments,
                changed.locked,
                {%- for value in values %}
                changed.moments * editions_before.{{ value }} as {{ value }},
                {%- endfor %}
                changed.last_batch_id,
                false as renamed
            from {{ unread_rows('int_wallet_editions') }} as changed
            left join editions_before on changed.edition_id = editions_before.edition_id

            union all

            select
                wallet_editions.wallet_address,
                {%- for attribute in attributes %}
                edition_changes.{{ attribute }},
                {%- endfor %}
                wallet_editions.moments * edition_changes.weight as moments,
                wallet_editions.locked * edition_changes.weight as locked,
                {%- for value in values %}
                wallet_editions.moments * edition_changes.{{ value }} as {{ value }},
                {%- endfor %}
                null as last_batch_id,
                false as renamed
            from edition_changes
            inner join wallet_editions on edition_changes.edition_id = wallet_editions.edition_id
            {%- if is_incremental() %}

            union all

            -- A new name travels as a fact of no weight, to every row that shows it.
            select distinct
                known.wallet_address,
                {%- for attribute in attributes %}
                known.{{ attribute }},
                {%- endfor %}
                0 as moments,
                0 as locked,
                {%- for value in values %}
                0 as {{ value }},
                {%- endfor %}
                null::bigint as last_batch_id,
                true as renamed
            from {{ this }} as known
            where known.wallet_address in (select renamed.wallet_address from {{ renamed }} as renamed)
            {%- endif %}
        )

        select
            wallet_address,
            {{ attributes | join(', ') }},
            sum(moments)::integer as moments,
            sum(locked)::integer as locked,
            {%- for value, type in values.items() %}
            coalesce(sum({{ value }}), 0)::{{ type }} as {{ value }},
            {%- endfor %}
            max(last_batch_id) as last_batch_id,
            bool_or(renamed) as renamed
        from terms
        group by wallet_address, {{ attributes | join(', ') }}
    )
{%- endmacro %}
