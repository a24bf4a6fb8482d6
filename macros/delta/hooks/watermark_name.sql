{#- SQL for the name of a relation as stored in delta.watermarks, quoted where necessary: public.orders. -#}

{% macro postgres__watermark_name(relation) -%}
    format('%I.%I', '{{ dbt.escape_single_quotes(relation.schema) }}', '{{ dbt.escape_single_quotes(relation.identifier) }}')
{%- endmacro %}
