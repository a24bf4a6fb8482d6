{#-
    The rows of a changelog (a model) that the current run has not read yet: those after the reader's watermark, up
    to the end of the changelog at the start of the run. Returns the whole changelog in a rebuild and outside a dbt
    run.
-#}

{% macro unread_rows(model) -%}
    {{ return(adapter.dispatch('unread_rows', 'delta_models')(model)) }}
{%- endmacro %}


{% macro postgres__unread_rows(model) -%}
    {%- set setting = adapter.dispatch('delta_setting', 'delta_models') -%}
    (
        select * from {{ ref(model) }}
        where
            step > {{ setting(model, 'after', 0) }}
            and step <= {{ setting(model, 'upto', 9223372036854775807) }}
    )
{%- endmacro %}


{% macro default__unread_rows(model) -%}
    {{ ref(model) }}
{%- endmacro %}
