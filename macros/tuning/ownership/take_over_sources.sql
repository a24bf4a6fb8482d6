{#-
    Run-operation: from now on, the runs of this target change the loaded tables, and those of other targets in the
    same database do not.
-#}

{% macro take_over_sources() %}
    {{ return(adapter.dispatch('take_over_sources', 'postgres_tuning')()) }}
{% endmacro %}


{% macro postgres__take_over_sources() %}
    {%- for schema, owner in adapter.dispatch('source_owners', 'postgres_tuning')().items() if schema != target.schema -%}
        {%- do adapter.dispatch('record_source_owner', 'postgres_tuning')(schema, true) -%}
        {%- do log("take_over_sources: " ~ schema ~ " belongs to the target schema " ~ target.schema ~ " now", info=true) -%}
    {%- endfor -%}
{% endmacro %}
