{#-
    On-run-end hook. Deletes the watermarks of relations that no longer exist. Then, of the changelogs that belong to
    this target (its models', and those of source_owners): the watermarks of readers that have left one unread for
    longer than the var delta_retention, which are rebuilt at their next run; and the rows of loaded tables' changelogs
    that every remaining reader has read. The changelogs of models are not pruned, because their sum is the model's
    content: see delta_compact.
-#}

{% macro delta_prune() %}
    {{ return(adapter.dispatch('delta_prune', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__delta_prune() %}
{%- if execute -%}
{%- set name_of_oid = adapter.dispatch('watermark_name_of_oid', 'delta_models') -%}
{%- set retention = "interval '" ~ var('delta_retention', '14 days') ~ "'" -%}
{%- set owners = adapter.dispatch('source_owners', 'delta_models')() -%}
{%- set own = [] -%}
{%- for node in graph.nodes.values() if node.config.get('incremental_strategy') == 'changelog' -%}
    {%- set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
    {%- do own.append("to_regclass('" ~ relation ~ "')") -%}
{%- endfor -%}
{%- set changelogs = [] -%}
{%- for node in graph.sources.values()
    if node.identifier.endswith('_changes') and owners[node.schema] == target.schema -%}
    {%- do changelogs.append(
        api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier)
    ) -%}
{%- endfor -%}
commit;
begin isolation level read committed;
select pg_advisory_xact_lock(hashtextextended('delta_prune', 0));
delete from delta.watermarks
where
    reader_name is distinct from {{ name_of_oid('reader') }}
    or log_name is distinct from {{ name_of_oid('log') }};
delete from delta.contents
where reader_name is distinct from {{ name_of_oid('reader') }};
delete from delta.watermarks
where
    log = any(array[{{ own | join(', ') }}]::regclass[])
    and read_at < now() - {{ retention }}
    and "position" < (
        select max(sizes.step) from delta.changelog_sizes as sizes
        where sizes.changelog = watermarks.log
    );
delete from delta.changelog_sizes as sizes
where not exists (select from pg_class where pg_class.oid = sizes.changelog);
{%- for changelog in changelogs %}
{%- if load_relation(changelog) is not none %}
delete from delta.watermarks
where
    log = '{{ changelog }}'::regclass
    and read_at < now() - {{ retention }}
    and "position" < (select max(batch_id) from {{ changelog }});
delete from {{ changelog }}
where batch_id <= (select min("position") from delta.watermarks where log = '{{ changelog }}'::regclass);
{%- endif %}
{%- endfor %}
commit;
{%- endif -%}
{% endmacro %}
