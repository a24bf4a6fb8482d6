{#- How many moments of each tier, a column each. -#}

{% macro moments_by_tier() -%}
    {%- for tier in ['common', 'uncommon', 'rare', 'legendary', 'ultimate'] -%}
    count(*) filter (where tier = '{{ tier | upper }}') as tier_{{ tier }}{{ ',\n    ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
