{#-
    On-run-end: VACUUM and ANALYZE for the tables that the run has built or read as sources, where enough of their rows are
    dead or changed. Whoever holds a lock is not waited for, and what one table cannot have does not keep the others from it.
-#}

{% macro maintain_touched() %}
    {%- if execute and flags.WHICH in ['run', 'build'] -%}
        {%- do adapter.dispatch('maintain_tables', 'postgres_tuning')('touched', false) -%}
    {%- endif -%}
{% endmacro %}
