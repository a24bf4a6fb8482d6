{#- A bound of this transaction's change set, as delta_begin set it; the default where it did not run. -#}

{% macro delta_setting(input, bound, default) -%}
    coalesce(nullif(current_setting('{{ (["delta", input | replace(".", "_") ~ "_" ~ bound] if input else ["delta", bound]) | join(".") }}', true), ''), '{{ default }}')::bigint
{%- endmacro %}
