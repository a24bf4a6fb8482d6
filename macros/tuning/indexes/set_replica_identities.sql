{#-
    Gives the tables of all models the replica identity that they need to be published; see replica_identities. A table
    that is in use for longer than a second is left to the next run.
-#}

{% macro postgres__set_replica_identities() %}
    {%- set tables = adapter.dispatch('tuned_tables', 'postgres_tuning') -%}
    {%- set loaded = tables('sources') | map(attribute='name') | list -%}
    {%- set built = tables('all') | rejectattr('name', 'in', loaded) | map(attribute='relation') | list -%}
    {%- set statements = adapter.dispatch('replica_identities', 'postgres_tuning')(built) -%}
    {%- for statement in statements -%}
        {%- set try_sql = adapter.dispatch('try_sql', 'postgres_tuning') -%}
        {%- do run_query(try_sql("set local lock_timeout = '1s'; " ~ statement)) -%}
        {%- do run_query('commit') -%}
    {%- endfor -%}
{% endmacro %}
