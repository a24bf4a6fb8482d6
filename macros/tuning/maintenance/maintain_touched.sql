{#-
    On-run-end hook: VACUUM and ANALYZE for the models that the run has built and for the sources, if enough of
    their rows are dead or changed. Skips locked tables. A failure of ANALYZE on one table does not affect the
    others.
-#}

{% macro maintain_touched() %}
    {{ return(adapter.dispatch('maintain_touched', 'postgres_tuning')()) }}
{% endmacro %}


{% macro postgres__maintain_touched() %}
    {%- if execute and flags.WHICH in ['run', 'build'] -%}
        {%- do adapter.dispatch('maintain_tables', 'postgres_tuning')('touched', false) -%}
    {%- endif -%}
{% endmacro %}
