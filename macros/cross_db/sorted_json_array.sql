{#- The distinct values of an expression as a sorted JSON array without NULLs; [] if there are none. -#}

{% macro sorted_json_array(expression) -%}
    {%- if not expression -%}
        {{ exceptions.raise_compiler_error("sorted_json_array: no expression, got '" ~ expression ~ "'") }}
    {%- endif -%}
    {{ return(adapter.dispatch('sorted_json_array')(expression)) }}
{%- endmacro %}


{% macro postgres__sorted_json_array(expression) -%}
    coalesce(
        jsonb_agg(distinct {{ expression }} order by {{ expression }})
            filter (where {{ expression }} is not null),
        '[]'::jsonb
    )
{%- endmacro %}


{% macro default__sorted_json_array(expression) -%}
    array_agg(distinct {{ expression }}) within group (order by {{ expression }})
{%- endmacro %}
