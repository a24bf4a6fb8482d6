{#-
    Post-hook: advances the model's watermarks, in the transaction that wrote what they stand for. None goes back: a run
    that would have read less than an earlier one fails. A table that was just made holds a row for every group the
    log ever had: those that have vanished since are deleted, and what is left is analyzed, for those who read it next.
    Not its steps: the newest is in no statistics, which say of it that it has one row.
-#}

{% macro delta_end() %}
{%- set inputs = delta_inputs() if execute else [] -%}
{%- if inputs -%}
do $$
declare
    run record;
begin
    for run in
        values
        {%- for input in inputs %}
        (
            '{{ input.log }}'::regclass, {{ delta_name(input.log) }},
            current_setting('{{ input.setting }}_upto')::bigint
        ){{ ',' if not loop.last }}
        {%- endfor %}
    loop
        insert into delta.watermarks as known (reader, reader_name, log, log_name, "position")
        values ('{{ this }}'::regclass, {{ delta_name(this) }}, run.column1, run.column2, run.column3)
        on conflict (reader, log) do update
        set
            reader_name = excluded.reader_name,
            log_name = excluded.log_name,
            "position" = excluded."position",
            read_at = now()
        where
            known."position" <= excluded."position"
            or (known.reader_name, known.log_name) <> (excluded.reader_name, excluded.log_name);
        if not found then
            raise exception 'delta_end: % has read % beyond % meanwhile: run the model again',
                {{ delta_name(this) }}, run.column2, run.column3;
        end if;
    end loop;
end
$$;
{%- if config.get('incremental_strategy') == 'changelog' %}
insert into delta.changelog_sizes
select '{{ this }}'::regclass, step, count(*) from {{ this }}
where step = current_setting('delta.step')::bigint
group by step;
{%- endif %}
{%- set rules = config.get('meta', {}).get('accumulate', {}) %}
{%- if rules.get('delete_when_empty') %}
delete from {{ this }} as old
where current_setting('delta.rebuild') <> '' and {{ accumulate_is_empty(rules, 'old') }};
{%- endif %}
do $$
begin
    if current_setting('delta.rebuild') <> '' then
        {%- if config.get('incremental_strategy') == 'changelog' %}
        if exists (
            select from pg_attribute
            where attrelid = '{{ this }}'::regclass and attname = 'step' and coalesce(attstattarget, -1) <> 0
        ) then
            alter table {{ this }} alter column step set statistics 0;
        end if;
        {%- endif %}
        analyze (skip_locked) {{ this }};
    end if;
end
$$
{%- endif -%}
{% endmacro %}
