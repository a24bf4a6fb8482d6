{#-
    Overrides dbt's view. One whose definition is the same stays as it is, so that nobody waits for a lock, and two runs
    that build it at once do not meet. A view with a contract is replaced as dbt does, which checks the contract.
-#}

{% materialization view, adapter='postgres' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if config.get('contract').enforced or existing is none or not existing.is_view
        or not adapter.dispatch('is_same_view', 'postgres_tuning')(existing, sql) -%}
        {{ return(dbt.materialization_view_default()) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') %}select 'unchanged'{% endcall %}
    {%- do apply_grants(existing, config.get('grants'), should_revoke=true) -%}
    {%- do persist_docs(existing, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [existing]}) }}
{% endmaterialization %}
