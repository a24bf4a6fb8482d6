{#- Text without the white space around it, all that Unicode has; NULL if nothing is left. -#}

{% macro text_or_null(expression) -%}
    {%- if not expression -%}
        {{ exceptions.raise_compiler_error("text_or_null: no expression, got '" ~ expression ~ "'") }}
    {%- endif -%}
    {{ return(adapter.dispatch('text_or_null')(expression)) }}
{%- endmacro %}


{% macro postgres__text_or_null(expression) -%}
    nullif(btrim({{ expression }},
        e' \t\n\u000b\f\r\u001c\u001d\u001e\u001f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008'
        '\u2009\u200a\u2028\u2029\u202f\u205f\u3000'), '')
{%- endmacro %}


{#- Snowflake's strings take the same escapes, without the letter e. -#}
{% macro default__text_or_null(expression) -%}
    nullif(trim({{ expression }}, ' \t\n\u000b\f\r\u001c\u001d\u001e\u001f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'), '')
{%- endmacro %}
