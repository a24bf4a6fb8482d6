{#-
    The query of the rows that a mart takes over from Snowflake: those that the runner has staged in raw.<mart>_stage. None
    if the current model is computed here.
-#}

{% macro transferred_rows() %}
    {%- if is_transferred() -%}
        {{ return('select ' ~ get_quoted_csv(model.columns.keys()) ~ ' from raw.' ~ adapter.quote(model.alias ~ '_stage')) }}
    {%- endif -%}
{% endmacro %}
