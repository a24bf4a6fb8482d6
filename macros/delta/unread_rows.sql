{#-
    The rows of a log (a model) that this run has to account for: those after the reader's watermark and up to
    the end of the log as it was when the run began. Outside a run, and in a rebuild: the whole log.
-#}

{% macro unread_rows(model) -%}
    (
        select * from {{ ref(model) }}
        where
            step > {{ delta_setting(model, 'after', 0) }}
            and step <= {{ delta_setting(model, 'upto', 9223372036854775807) }}
    )
{%- endmacro %}
