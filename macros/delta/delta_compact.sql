{#-
    On-run-end: what every reader of a model's log has accounted for becomes one step again, their sum, once it has
    outgrown what the last such sum left by the share in the var compact_share (0.4). So a log stays near
    its sum, whatever happens between full refreshes. No watermark moves: each stands at that step or beyond.
-#}

{% macro delta_compact() %}
{%- if execute -%}
{%- for node in graph.nodes.values() if node.config.get('incremental_strategy') == 'log' -%}
{%- set log = load_relation(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -%}
{%- if log is not none -%}
{%- set rules = node.config.meta.log -%}
{%- set columns = adapter.get_columns_in_relation(log) | map(attribute='name') | reject('equalto', 'step') | list -%}
{%- set keys = columns | reject('in', rules.sums + rules.get('newest', [])) | list %}
do $$
declare
    known bigint;
begin
    perform
    from delta.logged
    where
        log = '{{ log }}'::regclass
        and step <= (select min("position") from delta.watermarks where watermarks.log = logged.log)
    having sum("rows") > {{ 1 + var('compact_share', 0.4) }} * (array_agg("rows" order by step))[1];
    if not found then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('delta', 0));
    known := (select min("position") from delta.watermarks where log = '{{ log }}'::regclass);
    create temporary table compacted on commit drop as
    select
        known as step
        {%- for column in columns %},
        {{ 'sum' if column in rules.sums else 'max' if column not in keys }}({{ adapter.quote(column) }}) as {{ adapter.quote(column) }}
        {%- endfor %}
    from {{ log }}
    where step <= known
    group by {{ keys | map('tojson') | join(', ') }}
    having {% for column in rules.sums %}sum({{ adapter.quote(column) }}) <> 0{{ ' or ' if not loop.last }}{% endfor %};
    insert into compacted
    select step, {{ columns | map('tojson') | join(', ') }} from {{ log }} where step > known;
    truncate {{ log }};
    insert into {{ log }} (step, {{ columns | map('tojson') | join(', ') }}) select * from compacted;
    delete from delta.logged where log = '{{ log }}'::regclass and step <= known;
    insert into delta.logged select '{{ log }}'::regclass, known, count(*) from {{ log }} where step = known;
    drop table compacted;
    -- An index that was filled row by row is half as large again.
    reindex table {{ log }};
    analyze {{ log }};
end
$$;
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{% endmacro %}
