{#- On-run-start: the table of watermarks, one row per reader and log, and the sequence of steps. -#}

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
        end if;
    end
    $$
{%- endmacro %}
