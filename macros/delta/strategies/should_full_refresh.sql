{#-
    Overrides dbt's macro, which decides whether a full refresh creates a new table and swaps it for the old one. A
    model with the strategy `changelog` or `accumulate` replaces the content of the existing table in one
    transaction, so that everything that depends on the table stays. Only a table of another shape is swapped.
-#}

{% macro should_full_refresh() %}
    {{ return(adapter.dispatch('should_full_refresh', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__should_full_refresh() %}
    {%- set replaces_content = config.get('incremental_strategy') in ['changelog', 'accumulate'] -%}
    {{ return(
        adapter.dispatch('full_refresh_requested', 'delta_models')()
        and not (
            replaces_content and execute
            and adapter.dispatch('table_exists', 'delta_models')()
            and adapter.dispatch('has_declared_shape', 'delta_models')(this)
        )
    ) }}
{% endmacro %}
