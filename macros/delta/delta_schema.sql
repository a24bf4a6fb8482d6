{#-
    On-run-start: the watermarks, one row per reader and log, and the sizes of the steps of logs. A watermark names
    both relations and has their OIDs: it stands for a relation only where both agree, so that after a restored dump
    none is taken for that of another relation. A table of an older version, which has the OIDs alone, gets the names.
-#}

{% macro delta_schema() -%}
    do $$
    begin
        perform pg_advisory_xact_lock(hashtext('delta_schema'));
        if to_regclass('delta.watermarks') is null then
            create schema if not exists delta;
            create table delta.watermarks (
                reader oid not null,
                reader_name text not null,
                log oid not null,
                log_name text not null,
                "position" bigint not null,
                read_at timestamptz not null default now(),
                primary key (reader, log)
            );
            comment on table delta.watermarks is
                'How far a relation has read a log; a relation without a watermark is rebuilt at its next run.';
            create table delta.changelog_sizes (
                changelog oid not null,
                step bigint not null,
                "rows" bigint not null,
                primary key (changelog, step)
            );
            comment on table delta.changelog_sizes is 'How many rows each step of a changelog has.';
        elsif exists (
            select from pg_attribute where attrelid = 'delta.watermarks'::regclass and attname = 'advanced_at'
        ) then
            alter table delta.watermarks rename column advanced_at to read_at;
            alter table delta.watermarks
                add column reader_name text not null default '', add column log_name text not null default '';
            update delta.watermarks
            set reader_name = {{ delta_name_of('reader') }}, log_name = {{ delta_name_of('log') }}
            where exists (select from pg_class where oid = reader) and exists (select from pg_class where oid = log);
            alter table delta.watermarks alter column reader_name drop default, alter column log_name drop default;
            drop sequence if exists delta.steps;
        end if;
        if to_regclass('delta.logged') is not null then
            alter table delta.logged rename to changelog_sizes;
            alter table delta.changelog_sizes rename column log to changelog;
            alter index delta.logged_pkey rename to changelog_sizes_pkey;
            comment on table delta.changelog_sizes is 'How many rows each step of a changelog has.';
        end if;
    end
    $$
{%- endmacro %}


{#- SQL for the name of the relation that has an OID; NULL where there is none. -#}

{% macro delta_name_of(oid) -%}
    (select relnamespace::regnamespace || '.' || quote_ident(relname) from pg_class where pg_class.oid = {{ oid }})
{%- endmacro %}
