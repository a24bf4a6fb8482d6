{#- dbt looks for these names in the root project only. -#}

{% macro should_full_refresh() %}
    {{ return(delta_models.should_full_refresh()) }}
{% endmacro %}

{% macro get_incremental_changelog_sql(arg_dict) %}
    {{ return(delta_models.get_incremental_changelog_sql(arg_dict)) }}
{% endmacro %}

{% macro get_incremental_accumulate_sql(arg_dict) %}
    {{ return(delta_models.get_incremental_accumulate_sql(arg_dict)) }}
{% endmacro %}
