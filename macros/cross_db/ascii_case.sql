{#-
    Text with its ASCII letters in upper or lower case, the same in every database. The collation of a database can
    know more: Turkish has another capital of i, and two texts that differ in upper case can be equal in lower case.
-#}

{% macro ascii_case(expression, case) -%}
    {%- if case not in ['upper', 'lower'] -%}
        {{ exceptions.raise_compiler_error("ascii_case: expected 'upper' or 'lower', got '" ~ case ~ "'") }}
    {%- endif -%}
    {{ return(adapter.dispatch('ascii_case')(expression, case)) }}
{%- endmacro %}


{% macro postgres__ascii_case(expression, case) -%}
    {{ case }}({{ expression }} collate "C") collate "default"
{%- endmacro %}


{% macro default__ascii_case(expression, case) -%}
    {%- set letters = ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'] -%}
    {%- set before, after = letters if case == 'upper' else letters | reverse -%}
    translate({{ expression }}, '{{ before }}', '{{ after }}')
{%- endmacro %}
