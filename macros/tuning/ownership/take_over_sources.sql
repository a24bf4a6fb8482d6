{#-
    Run-operation: from now on, the runs of this target change the loaded tables, and those of other targets in the
    same database do not.
-#}

{% macro take_over_sources() %}
    {{ return(adapter.dispatch('take_over_sources', 'postgres_tuning')()) }}
{% endmacro %}


{% macro postgres__take_over_sources() %}
    {%- set owners = adapter.dispatch('source_owners', 'postgres_tuning')() -%}
    {%- for schema in owners if schema != target.schema -%}
        {%- do adapter.dispatch('record_source_owner', 'postgres_tuning')(schema, true) -%}
        {%- do log(schema ~ " belongs to the target schema " ~ target.schema ~ " now", info=true) -%}
    {%- endfor -%}
{% endmacro %}
