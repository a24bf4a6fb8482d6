{#-
    The query for the views and materialized views that use a relation, directly or through others, the nearest
    first: kind, name, and the statements that create each on another relation, with its indexes, owner, privileges
    and comment.
-#}

{% macro postgres__dependents_sql(old, new) %}
    with recursive

    uses as (
        select distinct
            pg_rewrite.ev_class as oid,
            pg_depend.refobjid as used
        from pg_depend
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
        where
            pg_depend.classid = 'pg_rewrite'::regclass
            and pg_depend.refclassid = 'pg_class'::regclass
            and pg_rewrite.ev_class <> pg_depend.refobjid
    ),

    dependents as (
        select
            uses.oid,
            1 as depth
        from uses
        where uses.used = '{{ old }}'::regclass
        union
        select
            uses.oid,
            dependents.depth + 1 as depth
        from uses
        inner join dependents on uses.used = dependents.oid
    ),

    described as (
        select
            pg_class.*,
            case pg_class.relkind when 'm' then 'materialized view' else 'view' end as kind,
            pg_class.relnamespace::regnamespace::text as schema_name,
            format('%s.%I', pg_class.relnamespace::regnamespace, pg_class.relname) as name,
            max(dependents.depth) as depth
        from dependents
        inner join pg_class on dependents.oid = pg_class.oid
        group by pg_class.oid
    )

    select
        kind,
        schema_name,
        name,
        relname as identifier,
        concat_ws(
            e';\n',
            format(
                'create %s %s%s as %s', kind, name, ' with (' || array_to_string(reloptions, ', ') || ')',
                rtrim(replace(
                    pg_get_viewdef(oid), quote_ident('{{ old.identifier }}'), quote_ident('{{ new.identifier }}')
                ), ';')
            ),
            (select string_agg(pg_get_indexdef(indexrelid), e';\n') from pg_index where indrelid = described.oid),
            (
                select string_agg(
                    format('comment on index %s.%I is %L', schema_name, pg_class.relname, obj_description(indexrelid)), e';\n'
                )
                from pg_index
                inner join pg_class on pg_index.indexrelid = pg_class.oid
                where pg_index.indrelid = described.oid and obj_description(indexrelid) is not null
            ),
            format('alter %s %s owner to %s', kind, name, relowner::regrole),
            (
                select string_agg(
                    format(
                        'grant %s on %s to %s%s', privilege_type, name,
                        case grantee when 0 then 'public' else grantee::regrole::text end,
                        case when is_grantable then ' with grant option' end
                    ), e';\n'
                )
                from aclexplode(relacl)
            ),
            'comment on ' || kind || ' ' || name || ' is ' || quote_literal(obj_description(oid, 'pg_class'))
        ) as statements
    from described
    order by depth
{% endmacro %}
