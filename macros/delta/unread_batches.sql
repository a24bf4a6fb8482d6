{#- The batches of a loaded table's log that this run has to account for; outside a run, none. -#}

{% macro unread_batches(input) -%}
    batch_id > {{ delta_setting(input, 'after', 9223372036854775807) }}
    and batch_id <= {{ delta_setting(input, 'upto', 9223372036854775807) }}
{%- endmacro %}
