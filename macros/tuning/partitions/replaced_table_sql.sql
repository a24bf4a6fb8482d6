{#-
    The query for the properties of a table other than its rows, in one row: its unique_keys (JSON); the statements
    that apply them to a new table of the same name, before and after the old one is dropped, which until then has
    the names; and what cannot be carried over.
-#}

{% macro postgres__replaced_table_sql(relation) %}
    with

    this as (
        select
            pg_class.*,
            '{{ relation.include(database=false) }}' as name
        from pg_class
        where oid = '{{ relation }}'::regclass
    ),

    indexes as (
        select
            pg_index.indisunique,
            pg_constraint.conname,
            pg_class.relname as old_name,
            'replaced_' || pg_class.oid as new_name,
            case
                when pg_constraint.oid is null then format(
                    'create %sindex replaced_%s on %s%s', case when pg_index.indisunique then 'unique ' end, pg_class.oid,
                    this.name, substring(pg_get_indexdef(pg_class.oid) from ' USING .*')
                )
                else format(
                    'alter table %s add constraint replaced_%s %s', this.name, pg_class.oid,
                    pg_get_constraintdef(pg_constraint.oid)
                )
            end as created,
            (
                select jsonb_agg(attname) from pg_attribute
                where
                    attrelid = this.oid
                    and attnum = any((pg_index.indkey::smallint[])[0:pg_index.indnkeyatts - 1])
            ) as columns
        from this
        inner join pg_index on this.oid = pg_index.indrelid and pg_index.indisvalid
        inner join pg_class on pg_index.indexrelid = pg_class.oid
        left join pg_constraint on pg_class.oid = pg_constraint.conindid and pg_constraint.contype in ('p', 'u', 'x')
    ),

    rights (acl, suffix) as (
        select
            relacl,
            ''
        from this
        union all
        select
            pg_attribute.attacl,
            format(' (%I)', pg_attribute.attname)
        from this
        inner join pg_attribute on this.oid = pg_attribute.attrelid
    ),

    granted as (
        select format(
            'grant %s%s on %s to %s%s', entry.privilege_type, rights.suffix, this.name,
            case entry.grantee when 0 then 'public' else entry.grantee::regrole::text end,
            case when entry.is_grantable then ' with grant option' end
        ) as statement
        from this, rights, aclexplode(rights.acl) as entry
    )

    select
        (select coalesce(jsonb_agg(columns), '[]')::text from indexes where indisunique) as unique_keys,
        concat_ws(
            e';\n',
            (select string_agg(created, e';\n') from indexes),
            (
                select string_agg(format('alter table %s add %s', this.name, pg_get_constraintdef(oid)), e';\n')
                from pg_constraint where conrelid = this.oid and contype = 'f'
            ),
            format('alter table %s owner to %s', this.name, this.relowner::regrole),
            (select string_agg(statement, e';\n') from granted),
            'comment on table ' || this.name || ' is ' || quote_literal(obj_description(this.oid, 'pg_class'))
        ) as before,
        (
            select string_agg(
                case
                    when conname is null
                        then format('alter index {{ adapter.quote(relation.schema) }}.%I rename to %I', new_name, old_name)
                    else format('alter table %s rename constraint %I to %I', this.name, new_name, conname)
                end, e';\n'
            )
            from indexes
        ) as after,
        nullif(concat_ws(
            ', ',
            (select string_agg('trigger ' || tgname, ', ') from pg_trigger where tgrelid = this.oid and not tgisinternal),
            (select string_agg('policy ' || polname, ', ') from pg_policy where polrelid = this.oid),
            (
                select string_agg('publication ' || pubname, ', ') from pg_publication_rel
                inner join pg_publication on pg_publication_rel.prpubid = pg_publication.oid
                where prrelid = this.oid
            ),
            (
                select string_agg('identity column ' || attname, ', ') from pg_attribute
                where attrelid = this.oid and attidentity <> ''
            ),
            case when this.relrowsecurity then 'row level security' end,
            case this.relpersistence when 'u' then 'unlogged rows' end
        ), '') as not_carried
    from this
{% endmacro %}
