{#-
    A bound of what the model reads in this transaction, as delta_begin set it; the default where it did not run.
    It is a setting and no literal, so that the model's SQL stays the same; being stable, it is one to the planner.
-#}

{% macro delta_setting(input, bound, default, type='bigint') -%}
    {%- set name = ['delta', input | replace('.', '_') ~ '_' ~ bound if input else bound] | join('.') -%}
    coalesce(nullif(current_setting('{{ name }}', true), ''), '{{ default }}')::{{ type }}
{%- endmacro %}
