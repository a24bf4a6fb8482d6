{#- Overrides dbt's creation of the declared indexes to give a new table the replica identity that it needs. -#}

{% macro postgres__create_indexes(relation) %}
    {%- do dbt.default__create_indexes(relation) -%}
    {%- for statement in adapter.dispatch('replica_identities', 'postgres_tuning')([relation]) -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
{% endmacro %}
