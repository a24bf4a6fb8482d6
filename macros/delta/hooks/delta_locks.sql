{#-
    The locks of a model's transaction, each in a statement of its own and in this order, before anything is read.
    The transaction begins here, because dbt may have queried the catalog before. READ COMMITTED gives each later
    statement a snapshot that is newer than the locks, whatever the default is.

      1. the lock that loads take exclusively: loaded tables do not change until the commit
      2. the model's own lock: runs of one model follow each other, also while its table is created or swapped
      3. all tables that the model reads, through views too: a name means the same table until the commit
      4. the model's table, because its rows will be written: waits for partition_table before anything is read
-#}

{% macro postgres__delta_locks() %}
{%- set read = [] -%}
{%- for name in model.refs -%}
    {%- set node = graph.nodes.values() | selectattr('resource_type', 'in', ['model', 'seed', 'snapshot'])
        | selectattr('name', 'equalto', name['name']) | first -%}
    {#- LOCK TABLE does not accept materialized views. -#}
    {%- if node.config.materialized not in ['ephemeral', 'materialized_view'] -%}
        {%- set names = [name.get('package'), name['name']] | select | list -%}
        {%- do read.append(ref(*names, v=name.get('version'))) -%}
    {%- endif -%}
{%- endfor -%}
{%- for name in model.sources -%}
    {%- do read.append(source(name[0], name[1])) -%}
{%- endfor -%}
commit;
begin isolation level read committed;
select pg_advisory_xact_lock_shared(hashtextextended('delta', 0));
select pg_advisory_xact_lock(hashtextextended({{ adapter.dispatch('watermark_name', 'delta_models')(this) }}, 1));
{%- if read %}
lock table {% for relation in read %}{{ adapter.quote(relation.schema) }}.{{ adapter.quote(relation.identifier) }}{{ ', ' if not loop.last }}{% endfor %} in access share mode;
{%- endif %}
{%- if adapter.dispatch('table_exists', 'delta_models')() %}
lock table {{ this }} in row exclusive mode;
{%- endif %}
{% endmacro %}
