{#- On-run-start: the watermarks, one row per reader and log; the sequence of steps, and the sizes that they have. -#}

{% macro delta_schema() -%}
    do $$
    begin
        perform pg_advisory_xact_lock(hashtext('delta_schema'));
        if to_regclass('delta.watermarks') is null then
            create schema if not exists delta;
            create sequence if not exists delta.steps;
            create table delta.watermarks (
                reader oid not null,
                log oid not null,
                "position" bigint not null,
                advanced_at timestamptz not null default now(),
                primary key (reader, log)
            );
            comment on table delta.watermarks is
                'How far a relation has read a log; a relation without a watermark is rebuilt at its next run.';
            create table delta.logged (
                log oid not null,
                step bigint not null,
                "rows" bigint not null,
                primary key (log, step)
            );
            comment on table delta.logged is 'How many rows each step of a model''s log has.';
        end if;
    end
    $$
{%- endmacro %}
