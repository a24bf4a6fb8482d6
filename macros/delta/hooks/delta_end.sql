{#-
    Post-hook. Advances the model's watermarks in the transaction that wrote the rows, unless it read a part. Fails if a
    watermark would go back, which means that another run has read more. After a rebuild it also deletes empty rows,
    which the first build of a table inserts for groups that no longer exist, and analyzes the table for its readers.
    Column step gets no statistics: the planner would expect one row for the newest step, which they do not cover.
-#}

{% macro delta_end() %}
    {{ return(adapter.dispatch('delta_end', 'delta_models')()) }}
{% endmacro %}


{% macro postgres__delta_end() %}
{%- set inputs = adapter.dispatch('delta_inputs', 'delta_models')() if execute else [] -%}
{%- set name_of = adapter.dispatch('watermark_name', 'delta_models') -%}
{%- set is_empty = adapter.dispatch('accumulate_is_empty', 'delta_models') -%}
{%- set changed = adapter.dispatch('delta_changed', 'delta_models') -%}
{%- set strategy = config.get('incremental_strategy') -%}
{%- set wrote = execute and flags.WHICH != 'clone' and not adapter.dispatch('reads_a_part', 'delta_models')() -%}
{%- if wrote and not inputs -%}
do $$
begin
    {{ changed('true') }}
end
$$
{%- elif wrote -%}
do $$
declare
    run record;
    changed boolean := current_setting('delta.rebuild') <> '';
begin
    for run in
        values
        {%- for input in inputs %}
        (
            '{{ input.changelog }}'::regclass, {{ name_of(input.changelog) }},
            current_setting('{{ input.setting }}_upto')::bigint
        ){{ ',' if not loop.last }}
        {%- endfor %}
    loop
        changed := changed or not exists (
            select from delta.watermarks
            where reader = '{{ this }}'::regclass and log = run.column1 and "position" = run.column3
        );
        insert into delta.watermarks as known (reader, reader_name, log, log_name, "position")
        values ('{{ this }}'::regclass, {{ name_of(this) }}, run.column1, run.column2, run.column3)
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
                {{ name_of(this) }}, run.column2, run.column3;
        end if;
    end loop;
    if changed then
        {{ changed("current_setting('delta.rebuild') <> ''") | indent(8) }}
    end if;
end
$$;
{%- for input in adapter.dispatch('delta_contents', 'delta_models')() %}
insert into delta.contents (reader, reader_name, input_name, content)
values (
    '{{ this }}'::regclass, {{ name_of(this) }}, {{ name_of(input.relation) }},
    nullif(current_setting('{{ input.setting }}'), '')
)
on conflict (reader, input_name) do update set reader_name = excluded.reader_name, content = excluded.content;
{%- endfor %}
{%- if strategy == 'changelog' %}
insert into delta.changelog_sizes (changelog, step, "rows")
select '{{ this }}'::regclass, step, count(*) from {{ this }}
where step = current_setting('delta.step')::bigint
group by step
on conflict (changelog, step) do update set "rows" = excluded."rows";
{%- elif strategy == 'accumulate' %}
delete from {{ this }} as old
where
    current_setting('delta.rebuild') <> ''
    and {{ is_empty(adapter.dispatch('column_rules', 'delta_models')(model), 'old') }};
{%- endif %}
do $$
begin
    if current_setting('delta.rebuild') <> '' then
        {%- if strategy == 'changelog' %}
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
