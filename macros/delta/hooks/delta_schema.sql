{#-
    On-run-start hook. Creates the table of watermarks, one row per reader and changelog, the table with the sizes of
    the steps of changelogs, and the table of versions, one row per relation. A watermark has the names and the OIDs of both relations and counts only if
    both agree, so that a restored dump does not assign it to another relation. Tables of older versions are altered
    and renamed. Fails first if --empty or --sample would replace what exists.
-#}

{% macro delta_schema() -%}
    {{ return(adapter.dispatch('delta_schema', 'delta_models')()) }}
{%- endmacro %}


{% macro postgres__delta_schema() -%}
    {%- if execute and adapter.dispatch('reads_a_part', 'delta_models')() -%}
        {%- do adapter.dispatch('refuse_part', 'delta_models')() -%}
    {%- endif -%}
    {%- set name_of_oid = adapter.dispatch('watermark_name_of_oid', 'delta_models') -%}
    do $$
    begin
        perform pg_advisory_xact_lock(hashtext('delta_schema'));
        if to_regclass('delta.watermarks') is null then
            -- IF NOT EXISTS asks for the right to create schemas even if the schema exists.
            if to_regnamespace('delta') is null then
                create schema delta;
            end if;
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
                'How far a relation has read a changelog; a relation without a watermark is rebuilt at its next run.';
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
            set reader_name = {{ name_of_oid('reader') }}, log_name = {{ name_of_oid('log') }}
            where exists (select from pg_class where oid = reader) and exists (select from pg_class where oid = log);
            alter table delta.watermarks alter column reader_name drop default, alter column log_name drop default;
            drop sequence if exists delta.steps;
        end if;
        if to_regclass('delta.contents') is null then
            create table delta.contents (
                reader oid not null,
                reader_name text not null,
                input_name text not null,
                content text,
                primary key (reader, input_name)
            );
            comment on table delta.contents is
                'A digest of what a relation has read of an input without a changelog, a seed say.';
        end if;
        if to_regclass('delta.versions') is null then
            create table delta.versions (
                relation_name text primary key,
                version bigint not null,
                rebuilt_version bigint not null,
                changed_at timestamptz not null default now()
            );
            comment on table delta.versions is
                'Grows by one in each transaction that changes the relation; rebuilt_version is that of its last rebuild.';
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
