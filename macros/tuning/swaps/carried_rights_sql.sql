{#- Who may do what: row security and its policies, privileges on the relation and on its columns, the owner. -#}

{% macro postgres__carried_rights_sql() %}
    select
        5, 0, swapped.name, 'pg_policy'::regclass, pg_policy.oid, swapped.relowner, null::oid, true,
        format(
            'create policy %I on %s as %s for %s to %s', pg_policy.polname, swapped.name,
            case when pg_policy.polpermissive then 'permissive' else 'restrictive' end,
            case pg_policy.polcmd
                when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
            end,
            (
                select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ')
                from unnest(pg_policy.polroles) as role
            )
        )
        || coalesce(' using (' || pg_get_expr(pg_policy.polqual, pg_policy.polrelid) || ')', '')
        || coalesce(' with check (' || pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid) || ')', '')
    from swapped
    inner join pg_policy on swapped.oid = pg_policy.polrelid
    union all
    select
        5, 0, swapped.name, 'pg_class'::regclass, swapped.oid, swapped.relowner, null::oid, true,
        format('alter table %s %s row level security', swapped.name, security.state)
    from swapped
    cross join lateral (
        values (swapped.relrowsecurity, 'enable'), (swapped.relforcerowsecurity, 'force')
    ) as security (is_on, state)
    where security.is_on
    union all
    select
        7, 0, rights.name, 'pg_class'::regclass, rights.oid, rights.relowner, null::oid, true,
        format(
            'grant %s%s on %s to %s%s', entry.privilege_type, rights.columns, rights.name,
            case entry.grantee when 0 then 'public' else entry.grantee::regrole::text end,
            case when entry.is_grantable then ' with grant option' end
        )
    from (
        select
            oid, name, relowner, relacl, '' as columns from swapped
        union all
        select
            attrelid, name, relowner, attacl, format(' (%I)', attname) from surviving
    ) as rights (oid, name, relowner, acl, columns)
    cross join aclexplode(rights.acl) as entry
    union all
    select
        8, 0, name, 'pg_class'::regclass, oid, relowner, null::oid, true,
        format('alter %s %s owner to %s', kind, name, relowner::regrole)
    from swapped
    where relowner <> current_user::regrole
{% endmacro %}
