{#-
    Pre-hook: takes the locks (see delta_locks), then fixes, for this transaction, which rows of each log the model
    accounts for, and whether it starts over: because it is asked to, because it has no watermark for a log, or because
    so much changed that adding it all up again is cheaper. A step is numbered above all that its log and the readers of
    the log know, since a sequence may go back after a crash.
-#}

{% macro delta_begin() %}
{%- set inputs = delta_inputs() if execute else [] -%}
{%- if inputs -%}
{{ delta_locks() }}
with

watermarks as (
    select log, log_name, "position" from delta.watermarks
    where reader = to_regclass('{{ this }}') and reader_name = {{ delta_name(this) }}
    for update
),

inputs as (
    {%- for input in inputs %}
    select
        '{{ input.setting }}' as setting,
        {{ input.whole }} as whole,
        {{ input.loaded }} as loaded,
        '{{ input.base }}'::regclass as base,
        '{{ input.log }}'::regclass as log,
        (
            select "position" from watermarks
            where log = '{{ input.log }}'::regclass and log_name = {{ delta_name(input.log) }}
        ) as after,
        (select max({{ input.position }}) from {{ input.log }}) as last
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
        (select count(*) from {{ input.log }} where batch_id > inputs.after) as changes
        {%- else %}
        (select sum("rows") from delta.changelog_sizes where changelog_sizes.changelog = inputs.log and step > inputs.after) as changes
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
            when inputs.after is null then 'it has no watermark for ' || inputs.log
            when inputs.whole and pg_class.reltuples > 0 and changes.changes > pg_class.reltuples * {{ var('rebuild_share', 0.7) }}
                then changes.changes || ' changes of ' || inputs.log || ' are cheaper to add up anew'
        end as reason
    from inputs
    inner join changes on inputs.setting = changes.setting
    inner join pg_class on inputs.base = pg_class.oid
),

decision as (
    select coalesce(
        string_agg(reason, ', '), {{ "'a full refresh was asked for'" if full_refresh_asked() else "''" }}
    ) as reason
    from bounds
)

select
    set_config('delta.rebuild', reason, true),
    {%- if config.get('incremental_strategy') == 'changelog' %}
    set_config('delta.step', (1 + greatest(
        {%- if delta_exists() %}
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
        'work_mem', case when reason <> '' then '{{ var("rebuild_work_mem", "256MB") }}' else current_setting('work_mem') end, true
    ),
    (
        select count(set_config(setting || '_beyond', case when reason <> '' and whole then '(0,0)' else '(4294967295,0)' end, true))
            + count(set_config(setting || '_after', (case
                when reason = '' then after when loaded or not whole then upto else 0
            end)::text, true))
            + count(set_config(setting || '_upto', upto::text, true))
        from (select setting, whole, loaded, after, upto from bounds) as bound
    )
from decision
{%- endif -%}
{% endmacro %}
