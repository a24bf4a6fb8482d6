{#-
    Three CTEs over int_editions, for wallet_facts:

      editions         every version up to the end of the run, with its step
      editions_before  the versions in force before the run
      edition_changes  the difference that the run makes to them

    The last two have the columns edition_id, weight, the values (if `valued`) and the attributes, in this order.
-#}

{% macro edition_versions(attributes, valued) -%}
    {%- set columns = attributes | join(', ') -%}
    {%- set last = 9223372036854775807 -%}
    {%- set after = delta_setting('int_editions', 'after', last) -%}
    {%- set sums %}
            sum(floor_cents)::bigint as floor_cents,
            sum(asp_cents)::bigint as asp_cents,
            sum(priced_moments)::integer as priced_moments,
    {%- endset -%}

    editions as (
        select
            step,
            edition_id,
            weight,
            {%- if valued %}
            (weight * coalesce(lowest_ask_usd, 0) * 100)::bigint as floor_cents,
            (weight * coalesce(avg_sale_usd, 0) * 100)::bigint as asp_cents,
            weight * (coalesce(lowest_ask_usd, avg_sale_usd) is not null)::integer as priced_moments,
            {%- endif %}
            {{ columns }}
        from {{ ref('int_editions') }}
        where step <= {{ delta_setting('int_editions', 'upto', last) }}
    ),

    editions_before as (
        select
            edition_id,
            sum(weight)::integer as weight,
            {{- sums if valued }}
            {{ columns }}
        from editions
        where step <= {{ after }}
        group by edition_id, {{ columns }}
        having sum(editions.weight) > 0
    ),

    -- A version that begins takes the moments from the unknown edition; a version that ends returns them.
    edition_changes as (
        select
            edition_id,
            sum(weight)::integer as weight,
            {{- sums if valued }}
            {{ columns }}
        from (
            select * from editions
            where step > {{ after }}
            union all
            select
                step,
                edition_id,
                -weight as weight,
                {{ '0 as floor_cents, 0 as asp_cents, 0 as priced_moments,' if valued }}
                null as {{ attributes | join(', null as ') }}
            from editions
            where step > {{ after }}
        ) as signed
        group by edition_id, {{ columns }}
        having sum(signed.weight) <> 0 {{ 'or sum(signed.floor_cents) <> 0 or sum(signed.asp_cents) <> 0 or sum(signed.priced_moments) <> 0' if valued }}
    )
{%- endmacro %}
