{#-
    The condition under which a row is empty: all columns under `delete_when_empty` are zero (sums) or NULL
    (others). With `new`, the condition under which the row is empty after `new` has been added to it.
-#}

{% macro postgres__accumulate_is_empty(rules, old, new=none) -%}
    (
    {%- for column in rules['delete_when_empty'] -%}
        {%- if column in rules['sum'] -%}
            {{ old }}.{{ column }}{% if new %} + {{ new }}.{{ column }}{% endif %} = 0
        {%- else -%}
            {{ new or old }}.{{ column }} is null
        {%- endif -%}
        {{ ' and ' if not loop.last }}
    {%- else -%}
        false
    {%- endfor -%}
    )
{%- endmacro %}
