{#-
    A bound of what the model reads in this transaction, as set by delta_begin, or the default if delta_begin did
    not run. Reading a setting instead of a literal keeps the model's SQL the same in every run. current_setting()
    is stable, so the planner can estimate with its value.
-#}

{% macro delta_setting(input, bound, default, type='bigint') -%}
    {{ return(adapter.dispatch('delta_setting', 'delta_models')(input, bound, default, type)) }}
{%- endmacro %}


{% macro postgres__delta_setting(input, bound, default, type='bigint') -%}
    {%- set name = ['delta', input | replace('.', '_') ~ '_' ~ bound if input else bound] | join('.') -%}
    coalesce(nullif(current_setting('{{ name }}', true), ''), '{{ default }}')::{{ type }}
{%- endmacro %}


{% macro default__delta_setting(input, bound, default, type='bigint') -%}
    {{ default }}
{%- endmacro %}
