{#-
    Pre-hook. Takes the locks (see delta_locks), then decides for this transaction, in one statement:

      - which rows of each changelog the model reads: those after its watermark, up to the current end
      - whether the model is rebuilt: if a full refresh is requested, if it has no watermark for a changelog, if an input
        without a changelog has changed, or if so much has changed that a rebuild is cheaper

    The result is kept in settings of the transaction, which delta_setting reads. A new step gets a number above
    every step of the changelog and every watermark of its readers, because a sequence could go back after a crash.
-#}

{% macro delta_begin() %}
    {{ return(adapter.dispatch('delta_begin', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__delta_begin() %}
{%- set inputs = adapter.dispatch('delta_inputs', 'delta_models')() if execute else [] -%}
{%- set contents = adapter.dispatch('delta_contents', 'delta_models')() if execute else [] -%}
{%- set name_of = adapter.dispatch('watermark_name', 'delta_models') -%}
{%- set requested = adapter.dispatch('full_refresh_requested', 'delta_models')() -%}
{%- if inputs and flags.WHICH != 'clone' and not adapter.dispatch('reads_a_part', 'delta_models')() -%}
{{ adapter.dispatch('delta_locks', 'delta_models')() }}
with

watermarks as (
    select log, log_name, "position" from delta.watermarks
    where reader = to_regclass('{{ this }}') and reader_name = {{ name_of(this) }}
    for update
),

inputs as (
    {%- for input in inputs %}
    select
        '{{ input.setting }}' as setting,
        {{ input.whole }} as whole,
        {{ input.loaded }} as loaded,
        '{{ input.base }}'::regclass as base,
        '{{ input.changelog }}'::regclass as changelog,
        (
            select "position" from watermarks
            where log = '{{ input.changelog }}'::regclass and log_name = {{ name_of(input.changelog) }}
        ) as after,
        (select max({{ input.position }}) from {{ input.changelog }}) as last
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

changes as (
    {%- for input in inputs %}
    select
        inputs.setting,
        {%- if input.loaded %}
        (select count(*) from {{ input.changelog }} where batch_id > inputs.after) as changes
        {%- else %}
        (
            select sum(sizes."rows") from delta.changelog_sizes as sizes
            where sizes.changelog = inputs.changelog and sizes.step > inputs.after
        ) as changes
        {%- endif %}
    from inputs
    where inputs.setting = '{{ input.setting }}'
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

bounds as (
    select
        inputs.*,
        greatest(inputs.last, inputs.after, 0) as upto,
        case
            when inputs.after is null then 'it has no watermark for ' || inputs.changelog
            when
                inputs.whole and pg_class.reltuples > 0
                and changes.changes > pg_class.reltuples * {{ var('rebuild_share', 0.7) }}
                then 'a rebuild is cheaper than ' || changes.changes || ' changes of ' || inputs.changelog
        end as reason
    from inputs
    inner join changes on inputs.setting = changes.setting
    inner join pg_class on inputs.base = pg_class.oid
),

contents (setting, input_name, content) as (
    {%- for input in contents %}
    select
        '{{ input.setting }}',
        {{ name_of(input.relation) }},
        md5(string_agg(md5(input::text), '' order by md5(input::text)))
    from {{ input.relation }} as input
    {{- ' union all' if not loop.last }}
    {%- else %}
    select null, null, null where false
    {%- endfor %}
),

reasons as (
    select reason from bounds
    union all
    select contents.input_name || ' has changed' as reason
    from contents
    left join delta.contents as known
        on
            known.reader = to_regclass('{{ this }}') and known.reader_name = {{ name_of(this) }}
            and known.input_name = contents.input_name
    where known.content is distinct from contents.content
),

decision as (
    select coalesce(string_agg(reason, ', '), '{{ "a full refresh was requested" if requested }}') as reason
    from reasons
)

select
    set_config('delta.rebuild', reason, true),
    {%- if config.get('incremental_strategy') == 'changelog' %}
    set_config('delta.step', (1 + greatest(
        {%- if adapter.dispatch('table_exists', 'delta_models')() %}
        (select max(step) from {{ this }}),
        {%- endif %}
        (
            select max("position") from delta.watermarks
            where log = to_regclass('{{ this }}')
        ),
        0
    ))::text, true),
    {%- endif %}
    set_config(
        'work_mem',
        case when reason <> '' then '{{ var("rebuild_work_mem", "256MB") }}' else current_setting('work_mem') end,
        true
    ),
    (select count(set_config(setting, coalesce(content, ''), true)) from contents),
    (
        select
            count(set_config(
                setting || '_beyond', case when reason <> '' and whole then '(0,0)' else '(4294967295,0)' end, true
            ))
            + count(set_config(
                setting || '_after',
                (case when reason = '' then after when loaded or not whole then upto else 0 end)::text,
                true
            ))
            + count(set_config(setting || '_upto', upto::text, true))
        from (select setting, whole, loaded, after, upto from bounds) as bound
    )
from decision
{%- endif -%}
{% endmacro %}
