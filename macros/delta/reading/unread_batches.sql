{#- Selects the unread rows of a loaded table's changelog. Matches no row in a rebuild and outside a dbt run. -#}

{% macro unread_batches(input) -%}
    {{ return(adapter.dispatch('unread_batches', 'delta_models')(input)) }}
{%- endmacro %}


{% macro postgres__unread_batches(input) -%}
    {%- set setting = adapter.dispatch('delta_setting', 'delta_models') -%}
    batch_id > {{ setting(input, 'after', 9223372036854775807) }}
    and batch_id <= {{ setting(input, 'upto', 9223372036854775807) }}
{%- endmacro %}


{% macro default__unread_batches(input) -%}
    false
{%- endmacro %}
