{#-
    Post-hook: advances the model's watermarks, in the transaction that wrote what they stand for. A table made
    anew holds a row for every group the log ever had: those that have vanished since are deleted, and what is left is
    analyzed, for those who read it next. Not its steps: the newest is in no statistics, which say of it that it has one row.
-#}

{% macro delta_end() %}
{%- set inputs = delta_inputs() if execute else [] -%}
{%- if inputs -%}
insert into delta.watermarks as known (reader, log, "position")
values
{%- for input in inputs %}
    (
        '{{ this }}'::regclass, '{{ input.log }}'::regclass,
        current_setting('{{ input.setting }}_upto')::bigint
    ){{ ',' if not loop.last }}
{%- endfor %}
on conflict (reader, log) do update set "position" = excluded."position", advanced_at = now()
where known."position" < excluded."position";
{%- if config.get('incremental_strategy') == 'log' %}
insert into delta.logged
select '{{ this }}'::regclass, step, count(*) from {{ this }}
where step = current_setting('delta.step')::bigint
group by step;
{%- endif %}
{%- set rules = config.get('meta', {}).get('accumulate', {}) %}
{%- if rules.get('vanishes') %}
delete from {{ this }} as old
where current_setting('delta.rebuild') <> '' and {{ accumulate_vanishes(rules, 'old') }};
{%- endif %}
do $$
begin
    if current_setting('delta.rebuild') <> '' then
        {%- if config.get('incremental_strategy') == 'log' %}
        alter table {{ this }} alter column step set statistics 0;
        {%- endif %}
        analyze {{ this }};
    end if;
end
$$
{%- endif -%}
{% endmacro %}
