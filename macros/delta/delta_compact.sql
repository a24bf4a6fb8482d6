{#-
    On-run-end: what every reader of a model's log has accounted for becomes one step again, their sum, once it has
    outgrown what the last such sum left by the share in the var compact_share (0.4). So a log stays near
    its sum, whatever happens between full refreshes. No watermark moves: each stands at that step or beyond. While another
    run or load is under way, or somebody reads the log for more than a second, it is left to a later run.
-#}

{% macro delta_compact() %}
{%- if execute -%}
set transaction isolation level read committed;
{%- for node in graph.nodes.values() if node.config.get('incremental_strategy') == 'changelog' -%}
{%- set log = load_relation(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -%}
{%- if log is not none -%}
{%- set rules = node.config.meta.changelog -%}
{%- set columns = adapter.get_columns_in_relation(log) | map(attribute='name') | reject('equalto', 'step') | list -%}
{%- set flags = rules.get('true_for_one_step', []) -%}
{%- set keys = columns | reject('in', rules['sum'] + rules.get('max', []) + flags) | list %}
do $$
declare
    known bigint;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('delta', 0)) then
        return;
    end if;
    known := (
        select min("position") from delta.watermarks
        where log = '{{ log }}'::regclass
    );
    perform
    from delta.changelog_sizes
    where changelog = '{{ log }}'::regclass and step <= known
    having sum("rows") > {{ 1 + var('compact_share', 0.4) }} * (array_agg("rows" order by step))[1];
    if not found then
        return;
    end if;
    begin
        set local lock_timeout = '1s';
        lock table {{ log }} in access exclusive mode;
    exception
        when lock_not_available then return;
    end;
    create temporary table compacted on commit drop as
    select
        known as step
        {%- for column in columns %},
        {{ 'sum' if column in rules['sum'] else 'max' if column not in keys + flags }}({{ 'false' if column in flags else adapter.quote(column) }}) as {{ adapter.quote(column) }}
        {%- endfor %}
    from {{ log }}
    where step <= known
    group by {{ get_quoted_csv(keys) }}
    having {% for column in rules['sum'] %}sum({{ adapter.quote(column) }}) <> 0{{ ' or ' if not loop.last }}{% endfor %};
    insert into compacted
    select step, {{ get_quoted_csv(columns) }} from {{ log }} where step > known;
    truncate {{ log }};
    insert into {{ log }} (step, {{ get_quoted_csv(columns) }}) select * from compacted;
    delete from delta.changelog_sizes where changelog = '{{ log }}'::regclass and step <= known;
    insert into delta.changelog_sizes select '{{ log }}'::regclass, known, count(*) from {{ log }} where step = known;
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
