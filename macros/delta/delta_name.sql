{#- SQL for the name of a relation as delta.watermarks has it, quoted where it needs to be: public.orders. -#}

{% macro delta_name(relation) -%}
    format('%I.%I', '{{ dbt.escape_single_quotes(relation.schema) }}', '{{ dbt.escape_single_quotes(relation.identifier) }}')
{%- endmacro %}
