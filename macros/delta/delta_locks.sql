{#-
    The locks of a model's transaction, each in a statement of its own and in this order, before anything is read.
    The transaction begins here, since dbt may have asked for columns before. READ COMMITTED gives each later
    statement a snapshot that is newer than the locks, whatever the default is.

      1. the lock that loads take exclusively: the loaded tables stay as they are until the commit
      2. the model's own lock: runs of one model follow each other, also where its table is made or swapped
      3. what the model reads, through views too: a name means the same table until the commit
      4. the model's table, as its rows will be written: partition_table is waited for here, with nothing read yet
-#}

{% macro delta_locks() %}
{%- set read = [] -%}
{%- for name in model.refs -%}
    {%- set node = graph.nodes.values() | selectattr('resource_type', 'in', ['model', 'seed', 'snapshot'])
        | selectattr('name', 'equalto', name['name']) | first -%}
    {#- LOCK TABLE takes no materialized view. -#}
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
select pg_advisory_xact_lock(hashtextextended({{ delta_name(this) }}, 1));
{%- if read %}
lock table {% for relation in read %}{{ adapter.quote(relation.schema) }}.{{ adapter.quote(relation.identifier) }}{{ ', ' if not loop.last }}{% endfor %} in access share mode;
{%- endif %}
{%- if delta_exists() %}
lock table {{ this }} in row exclusive mode;
{%- endif %}
{% endmacro %}
