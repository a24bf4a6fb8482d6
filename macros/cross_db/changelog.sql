{#- The changelog of a loaded table. On Snowflake there is none: every row is new. See `loaded` for the arguments. -#}

{% macro changelog(name, model=none) -%}
    {{ return(adapter.dispatch('changelog')(name, model)) }}
{%- endmacro %}


{% macro postgres__changelog(name, model) -%}
    {{ source('changelog', name ~ '_changes') }}
{%- endmacro %}


{% macro snowflake__changelog(name, model) -%}
    (select 1 as weight, loaded.* from {{ loaded(name, model) }} as loaded)
{%- endmacro %}
