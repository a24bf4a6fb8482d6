{#- The held moments, joined: by a subquery, or before, into the table that the var `joined` names. -#}

{% macro held_moments() -%}
    {{ var('joined', none) or join_moments() }} as held
{%- endmacro %}
