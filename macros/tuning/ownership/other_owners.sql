{#- A sentence for each schema of sources that this target may not change: whose it is, and what to do. -#}

{% macro postgres__other_owners() %}
    {%- set sentences = [] -%}
    {%- set owners = adapter.dispatch('source_owners', 'postgres_tuning')() -%}
    {%- for schema, owner in owners.items() if owner != target.schema -%}
        {%- do sentences.append(
            schema ~ " belongs to the target schema " ~ owner
            ~ " (dbt run-operation take_over_sources changes that to " ~ target.schema ~ ")"
            if owner else "the role lacks CREATE on the schema " ~ schema
        ) -%}
    {%- endfor -%}
    {{ return(sentences) }}
{% endmacro %}
