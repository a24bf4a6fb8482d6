{#-
    Moves functions that depend on the relation: CREATE OR REPLACE if the body reads it; if a parameter or the result has its
    row type, the function is dropped and created again.
-#}

{% macro postgres__carried_functions_sql() %}
    select distinct
        3, 0, null, 'pg_proc'::regclass, pg_proc.oid, pg_proc.proowner, pg_proc.pronamespace, true,
        pg_get_functiondef(pg_proc.oid)
    from swapped
    inner join pg_depend on swapped.oid = pg_depend.refobjid and pg_depend.refclassid = 'pg_class'::regclass
    inner join pg_proc on pg_depend.objid = pg_proc.oid and pg_depend.classid = 'pg_proc'::regclass
    where pg_proc.oid not in (select typed.oid from typed)
    union all
    select
        step.place, 0, null, 'pg_proc'::regclass, typed.oid, typed.proowner, typed.pronamespace, true, step.statement
    from typed
    cross join lateral (
        values
        (1, format('drop routine %s', typed.oid::regprocedure)),
        (5, pg_get_functiondef(typed.oid)),
        (6, format('revoke all on routine %s from public', typed.oid::regprocedure)),
        (8, format('alter routine %s owner to %s', typed.oid::regprocedure, typed.proowner::regrole)),
        (6, format('comment on routine %s is %L', typed.oid::regprocedure, obj_description(typed.oid, 'pg_proc')))
    ) as step (place, statement)
    union all
    select
        7, 0, null, 'pg_proc'::regclass, typed.oid, typed.proowner, typed.pronamespace, true,
        format(
            'grant execute on routine %s to %s%s', typed.oid::regprocedure,
            case entry.grantee when 0 then 'public' else entry.grantee::regrole::text end,
            case when entry.is_grantable then ' with grant option' end
        )
    from typed
    cross join aclexplode(coalesce(typed.proacl, acldefault('f', typed.proowner))) as entry
{% endmacro %}
