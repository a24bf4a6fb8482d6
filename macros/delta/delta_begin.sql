{#-
    Pre-hook: keeps loads from committing while the model reads (they take the same lock alone), takes the model's
    watermarks (so that a second run of it waits) and fixes, for this transaction,
    which rows of each log it accounts for, and whether it has to start over: because it is asked to, because
    it has no watermark for a log, or because so much changed that adding it all up again is cheaper.
-#}

{% macro delta_begin() %}
{%- set inputs = delta_inputs() if execute else [] -%}
{%- if inputs -%}
select pg_advisory_xact_lock_shared(hashtextextended('delta', 0));

with

watermarks as (
    select log, "position" from delta.watermarks where reader = to_regclass('{{ this }}') for update
),

inputs as (
    {%- for input in inputs %}
    select
        '{{ input.setting }}' as setting,
        {{ input.whole }} as whole,
        {{ input.loaded }} as loaded,
        '{{ input.base }}'::regclass as base,
        '{{ input.log }}'::regclass as log,
        (select max({{ input.position }}) from {{ input.log }}) as last,
        (
            select {{ 'count(*)' if input.loaded else 'sum("rows")' }} from {{ input.log if input.loaded else 'delta.logged' }}
            where
                {{ input.position }} > (select "position" from watermarks where log = '{{ input.log }}'::regclass)
                {%- if not input.loaded %}
                and logged.log = '{{ input.log }}'::regclass
                {%- endif %}
        ) as changes
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

bounds as (
    select
        inputs.*,
        watermarks."position" as after,
        greatest(inputs.last, watermarks."position", 0) as upto,
        case
            when watermarks."position" is null then 'it has no watermark for ' || inputs.log::regclass
            when inputs.whole and pg_class.reltuples > 0 and inputs.changes > pg_class.reltuples * {{ var('rebuild_share', 0.7) }}
                then inputs.changes || ' changes of ' || inputs.log::regclass || ' are cheaper to add up anew'
        end as reason
    from inputs
    left join watermarks on inputs.log = watermarks.log
    inner join pg_class on inputs.base = pg_class.oid
),

decision as (
    select coalesce(string_agg(reason, ', '), {{ "'a full refresh was asked for'" if should_full_refresh() else "''" }}) as reason
    from bounds
)

select
    set_config('delta.rebuild', reason, true),
    set_config('delta.step', nextval('delta.steps')::text, true),
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
