{#-
    The query of the rows that a mart takes over from Snowflake: those that the runner has staged in raw.<mart>_stage. None
    if the current model is computed here.
-#}

{% macro transferred_rows() %}
    {%- if is_transferred() -%}
        {%- set stage = 'raw.' ~ adapter.quote(model.alias ~ '_stage') -%}
        {{ return('select ' ~ get_quoted_csv(model.columns.keys()) ~ ' from ' ~ stage) }}
    {%- endif -%}
{% endmacro %}
