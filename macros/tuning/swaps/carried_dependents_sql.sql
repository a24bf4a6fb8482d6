{#-
    Moves what reads the relation and belongs to others: views, rules, functions, policies of other tables, foreign keys to
    the relation.
-#}

{% macro postgres__carried_dependents_sql() %}
    select
        1 as place, -depth as part, name as relation, 'pg_class'::regclass as class, oid, relowner as owner, relnamespace as schema,
        true as is_required,
        format('alter %s %s rename to %I', kind, name, 'swapped_' || oid) as statement
    from swapped
    where depth > 0
    union all
    select
        2, depth, name, 'pg_class'::regclass, oid, relowner, relnamespace, relowner <> current_user::regrole,
        format(
            'create %s %s%s as %s', kind, name,
            (
                select ' with (' || string_agg(format('%s=%L', split_part(option, '=', 1), substring(option from '=(.*)')), ', ') || ')'
                from unnest(reloptions) as option
            ),
            pg_get_viewdef(oid)
        )
    from swapped
    where depth > 0
    union all
    select
        2, depth, name, 'pg_class'::regclass, oid, relowner, relnamespace, true,
        format(
            'create or replace view %s%s as %s', name,
            (
                select ' with (' || string_agg(format('%s=%L', split_part(option, '=', 1), substring(option from '=(.*)')), ', ') || ')'
                from unnest(reloptions) as option
            ),
            pg_get_viewdef(oid)
        )
    from repointed
    union all
    select distinct
        3, 0, pg_rewrite.ev_class::regclass::text, 'pg_rewrite'::regclass, pg_rewrite.oid, pg_class.relowner, null::oid, true,
        'create or replace ' || substring(pg_get_ruledef(pg_rewrite.oid) from 'RULE.*')
    from swapped
    inner join pg_depend on swapped.oid = pg_depend.refobjid and pg_depend.refclassid = 'pg_class'::regclass
    inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid and pg_depend.classid = 'pg_rewrite'::regclass
    inner join pg_class on pg_rewrite.ev_class = pg_class.oid
    where pg_rewrite.rulename <> '_RETURN' and pg_rewrite.ev_class not in (select created.oid from created)
    union all
    select distinct
        3, 0, pg_policy.polrelid::regclass::text, 'pg_policy'::regclass, pg_policy.oid, pg_class.relowner, null::oid, true,
        format('alter policy %I on %s', pg_policy.polname, pg_policy.polrelid::regclass)
        || coalesce(' using (' || pg_get_expr(pg_policy.polqual, pg_policy.polrelid) || ')', '')
        || coalesce(' with check (' || pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid) || ')', '')
    from swapped
    inner join pg_depend on swapped.oid = pg_depend.refobjid and pg_depend.refclassid = 'pg_class'::regclass
    inner join pg_policy on pg_depend.objid = pg_policy.oid and pg_depend.classid = 'pg_policy'::regclass
    inner join pg_class on pg_policy.polrelid = pg_class.oid
    where pg_policy.polrelid not in (select created.oid from created)
    union all
    select
        step.place, 0, pg_constraint.conrelid::regclass::text, 'pg_constraint'::regclass, pg_constraint.oid,
        pg_class.relowner, null::oid, true,
        format(
            'alter table %s %s constraint %I%s', pg_constraint.conrelid::regclass, step.verb, pg_constraint.conname,
            case step.verb when 'add' then ' ' || pg_get_constraintdef(pg_constraint.oid) end
        )
    from root
    inner join pg_constraint
        on root.oid = pg_constraint.confrelid and pg_constraint.contype = 'f' and pg_constraint.conrelid <> root.oid
    inner join pg_class on pg_constraint.conrelid = pg_class.oid
    cross join (values (1, 'drop'), (6, 'add')) as step (place, verb)
    where pg_constraint.conparentid = 0
{% endmacro %}
