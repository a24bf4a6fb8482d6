{#- The moments of each tier, one column each. A moment without a tier, or with another tier, counts in none. -#}

{% macro tier_counts(moments='moments', tier='tier') -%}
    {%- if not moments or not tier -%}
        {{ exceptions.raise_compiler_error("tier_counts: expected two columns, got " ~ [moments, tier]) }}
    {%- endif -%}
    {%- for name in ['common', 'uncommon', 'rare', 'legendary', 'ultimate'] -%}
        coalesce(
            sum(case when {{ tier }} = '{{ name | upper }}' then {{ moments }} end), 0
        )::bigint as tier_{{ name }}
        {%- if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}
