{#-
    On-run-end: forgets the watermarks of relations that are gone, and those of readers that have left a log unread
    for too long (they are rebuilt at their next run), then deletes what every remaining reader of a loaded table's
    log has accounted for. The logs of models are not pruned, since their sum is the model: see delta_compact.
-#}

{% macro delta_prune() %}
{%- if execute -%}
{%- set logs = [] -%}
{%- for node in graph.sources.values() if node.identifier.endswith('_changes') -%}
    {%- do logs.append(
        api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier)
    ) -%}
{%- endfor -%}
set transaction isolation level read committed;
select pg_advisory_xact_lock(hashtextextended('delta_prune', 0));
delete from delta.watermarks
where
    reader_name is distinct from {{ delta_name_of('reader') }}
    or log_name is distinct from {{ delta_name_of('log') }};
delete from delta.watermarks
where
    read_at < now() - interval '{{ var("delta_retention", "14 days") }}'
    and "position" < (select max(step) from delta.changelog_sizes where changelog_sizes.changelog = watermarks.log);
delete from delta.changelog_sizes
where not exists (select from pg_class where pg_class.oid = changelog_sizes.changelog);
{%- for log in logs %}
{%- if load_relation(log) is not none %}
delete from delta.watermarks
where
    log = '{{ log }}'::regclass
    and read_at < now() - interval '{{ var("delta_retention", "14 days") }}'
    and "position" < (select max(batch_id) from {{ log }});
delete from {{ log }}
where batch_id <= (select min("position") from delta.watermarks where log = '{{ log }}'::regclass);
{%- endif %}
{%- endfor %}
{%- endif -%}
{% endmacro %}
