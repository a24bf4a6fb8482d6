{#-
    Overrides dbt's rename. When dbt replaces a relation, it renames the old one to a backup and the new one to its name,
    in one transaction. Here the new one also takes over everything that hung on the old one; see carried_sql.
-#}

{% macro postgres__rename_relation(from_relation, to_relation) %}
    {%- set new = make_intermediate_relation(from_relation) -%}
    {%- set is_old = to_relation.identifier == make_backup_relation(from_relation, 'table').identifier -%}
    {%- set query -%}
        select
            to_regclass('{{ new }}') is not null as is_swap,
            coalesce(current_setting('swap.relation', true) = '{{ to_relation.include(database=false) }}', false) as is_ready
    {%- endset -%}
    {%- set state = run_query(query)[0] -%}
    {%- if is_old and state['is_swap'] -%}
        {%- do adapter.dispatch('prepare_swap', 'postgres_tuning')(from_relation, new) -%}
    {%- endif -%}
    {%- do dbt.default__rename_relation(from_relation, to_relation) -%}
    {%- if state['is_ready'] -%}
        {%- do adapter.dispatch('complete_swap', 'postgres_tuning')(to_relation) -%}
    {%- endif -%}
{% endmacro %}
