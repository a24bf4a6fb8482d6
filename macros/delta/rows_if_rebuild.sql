{#-
    Every row of a loaded table if the model starts over (and outside a run), none otherwise. The place of a row
    decides, since both cases are then one scan of a known size: all blocks, or no block.
-#}

{% macro rows_if_rebuild(input) -%}
    ctid > {{ delta_setting(input, 'beyond', '(0,0)', 'tid') }}
{%- endmacro %}
