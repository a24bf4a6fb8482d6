{#- The comments on the relations, their columns, and what else is carried. -#}

{% macro postgres__carried_comments_sql() %}
    select
        6, 0, commented.name, commented.classoid::regclass, commented.objoid, commented.relowner, null::oid, false,
        format('comment on %s is %L', commented.target, pg_description.description)
    from (
        select
            name, relowner, 'pg_class'::regclass::oid, oid, 0, kind || ' ' || name from swapped
        union all
        select
            name, relowner, 'pg_class'::regclass, attrelid, attnum, format('column %s.%I', name, attname) from surviving
        union all
        select
            name, relowner, 'pg_class'::regclass, oid, 0, format('index %s.%I', schema, relname) from indexes
        union all
        select
            swapped.name, swapped.relowner, 'pg_constraint'::regclass, pg_constraint.oid, 0,
            format('constraint %I on %s', pg_constraint.conname, swapped.name)
        from swapped
        inner join pg_constraint on swapped.oid = pg_constraint.conrelid
        union all
        select
            swapped.name, swapped.relowner, 'pg_trigger'::regclass, pg_trigger.oid, 0,
            format('trigger %I on %s', pg_trigger.tgname, swapped.name)
        from swapped
        inner join pg_trigger on swapped.oid = pg_trigger.tgrelid
        union all
        select
            swapped.name, swapped.relowner, 'pg_policy'::regclass, pg_policy.oid, 0,
            format('policy %I on %s', pg_policy.polname, swapped.name)
        from swapped
        inner join pg_policy on swapped.oid = pg_policy.polrelid
        union all
        select
            swapped.name, swapped.relowner, 'pg_rewrite'::regclass, pg_rewrite.oid, 0,
            format('rule %I on %s', pg_rewrite.rulename, swapped.name)
        from swapped
        inner join pg_rewrite on swapped.oid = pg_rewrite.ev_class
        union all
        select
            swapped.name, swapped.relowner, 'pg_statistic_ext'::regclass, pg_statistic_ext.oid, 0,
            format('statistics %s.%I', pg_statistic_ext.stxnamespace::regnamespace, pg_statistic_ext.stxname)
        from swapped
        inner join pg_statistic_ext on swapped.oid = pg_statistic_ext.stxrelid
    ) as commented (name, relowner, classoid, objoid, objsubid, target)
    inner join pg_description
        on
            commented.classoid = pg_description.classoid
            and commented.objoid = pg_description.objoid
            and commented.objsubid = pg_description.objsubid
{% endmacro %}
