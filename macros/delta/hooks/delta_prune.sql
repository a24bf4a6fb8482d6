{#-
    On-run-end hook. Deletes the watermarks of relations that no longer exist, and of readers that have left a
    changelog unread for longer than the var delta_retention; those are rebuilt at their next run. Then deletes the
    rows of loaded tables' changelogs that every remaining reader has read. The changelogs of models are not pruned,
    because their sum is the model's content: see delta_compact.
-#}

{% macro delta_prune() %}
    {{ return(adapter.dispatch('delta_prune', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__delta_prune() %}
{%- if execute -%}
{%- set name_of_oid = adapter.dispatch('watermark_name_of_oid', 'delta_models') -%}
{%- set retention = "interval '" ~ var('delta_retention', '14 days') ~ "'" -%}
{%- set changelogs = [] -%}
{%- for node in graph.sources.values() if node.identifier.endswith('_changes') -%}
    {%- do changelogs.append(
        api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier)
    ) -%}
{%- endfor -%}
set transaction isolation level read committed;
select pg_advisory_xact_lock(hashtextextended('delta_prune', 0));
delete from delta.watermarks
where
    reader_name is distinct from {{ name_of_oid('reader') }}
    or log_name is distinct from {{ name_of_oid('log') }};
delete from delta.contents
where reader_name is distinct from {{ name_of_oid('reader') }};
delete from delta.watermarks
where
    read_at < now() - {{ retention }}
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
{%- endif -%}
{% endmacro %}
