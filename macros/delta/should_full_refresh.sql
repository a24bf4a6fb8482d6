{#-
    Overrides dbt's: whether a full refresh makes a new table and swaps it for the old one. A model of the strategies
    `changelog` and `accumulate` replaces the content of the table that is there, in one transaction, and so keeps all
    that depends on the table. Only a table of another shape is swapped.
-#}

{% macro should_full_refresh() %}
    {%- set in_place = config.get('incremental_strategy') in ['changelog', 'accumulate'] -%}
    {{ return(full_refresh_asked() and not (in_place and execute and delta_exists() and has_declared_shape(this))) }}
{% endmacro %}
