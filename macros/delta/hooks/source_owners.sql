{#-
    The target schema that each schema of sources belongs to, as a dict: here every one belongs to every target. Where
    the package postgres_tuning is dispatched first, it knows one target for each.
-#}

{% macro default__source_owners() %}
    {%- set owners = {} -%}
    {%- for source in graph.sources.values() -%}
        {%- do owners.update({source.schema: target.schema}) -%}
    {%- endfor -%}
    {{ return(owners) }}
{% endmacro %}
