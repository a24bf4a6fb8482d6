{#-
    On-run-end hook. Replaces the steps of a model's changelog that every reader has read by one step, their sum. It
    does so once they have grown beyond the previous sum by the share in the var compact_share (1), so that a
    changelog stays within about twice the size of its sum. The rows of the sum are stored in the order of
    the model's indexed columns, so that a reader finds the rows of a key together. No watermark moves, because each is at
    this step or a later one. Does nothing while another run or a load is active, or if a reader holds the changelog
    for more than a second.
-#}

{% macro delta_compact() %}
    {{ return(adapter.dispatch('delta_compact', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__delta_compact() %}
{%- if execute -%}
set transaction isolation level read committed;
{%- for node in graph.nodes.values() if node.config.get('incremental_strategy') == 'changelog' -%}
{%- set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
{%- set changelog = load_relation(relation) -%}
{%- if changelog is not none -%}
{%- set rules = adapter.dispatch('column_rules', 'delta_models')(node) -%}
{%- set sums, flags = rules['sum'], rules['true_for_one_step'] -%}
{%- set all_columns = adapter.get_columns_in_relation(changelog) | map(attribute='name') -%}
{%- set columns = all_columns | reject('equalto', 'step') | list -%}
{%- set keys = columns | reject('in', sums + rules['max'] + flags) | list -%}
{%- set indexed = (node.config.get('indexes') or []) | map(attribute='columns') | sum(start=[]) -%}
{%- set order = indexed | select('in', keys) | list %}
do $$
declare
    known bigint;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('delta', 0)) then
        return;
    end if;
    known := (
        select min("position") from delta.watermarks
        where log = '{{ changelog }}'::regclass
    );
    perform
    from delta.changelog_sizes
    where changelog = '{{ changelog }}'::regclass and step <= known
    having sum("rows") > {{ 1 + var('compact_share', 1) }} * (array_agg("rows" order by step))[1];
    if not found then
        return;
    end if;
    begin
        set local lock_timeout = '1s';
        lock table {{ changelog }} in access exclusive mode;
    exception
        when lock_not_available then return;
    end;
    set local work_mem = '{{ var("rebuild_work_mem", "256MB") }}';
    create temporary table compacted on commit drop as
    select
        known as step
        {%- for column in columns %},
        {{ 'sum' if column in sums else 'max' if column not in keys + flags }}({{ 'false' if column in flags else adapter.quote(column) }}) as {{ adapter.quote(column) }}
        {%- endfor %}
    from {{ changelog }}
    where step <= known
    group by {{ get_quoted_csv(keys) }}
    having {% for column in sums %}sum({{ adapter.quote(column) }}) <> 0{{ ' or ' if not loop.last }}{% endfor %}
    {{- ' order by ' ~ get_quoted_csv(order) if order }};
    insert into compacted
    select step, {{ get_quoted_csv(columns) }} from {{ changelog }} where step > known;
    truncate {{ changelog }};
    insert into {{ changelog }} (step, {{ get_quoted_csv(columns) }}) select * from compacted;
    delete from delta.changelog_sizes where changelog = '{{ changelog }}'::regclass and step <= known;
    insert into delta.changelog_sizes (changelog, step, "rows")
    select '{{ changelog }}'::regclass, known, count(*) from {{ changelog }} where step = known;
    drop table compacted;
    analyze {{ changelog }};
end
$$;
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{% endmacro %}
