{#- What happens on a write: triggers and whether they are enabled, rules; publications and the replica identity. -#}

{% macro postgres__carried_actions_sql() %}
    select
        step.place, 0, swapped.name, 'pg_trigger'::regclass, pg_trigger.oid, swapped.relowner, null::oid, true, step.statement
    from swapped
    inner join pg_trigger on swapped.oid = pg_trigger.tgrelid
    cross join lateral (
        values
        (5, pg_get_triggerdef(pg_trigger.oid)),
        (
            5.1,
            format(
                'alter table %s %s trigger %I', swapped.name,
                case pg_trigger.tgenabled when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always' end,
                pg_trigger.tgname
            )
        )
    ) as step (place, statement)
    where not pg_trigger.tgisinternal and (step.place = 5 or pg_trigger.tgenabled <> 'O')
    union all
    select
        5, 0, swapped.name, 'pg_rewrite'::regclass, pg_rewrite.oid, swapped.relowner, null::oid, true,
        pg_get_ruledef(pg_rewrite.oid)
    from swapped
    inner join pg_rewrite on swapped.oid = pg_rewrite.ev_class
    where pg_rewrite.rulename <> '_RETURN'
    union all
    select
        5, 0, swapped.name, 'pg_publication'::regclass, pg_publication.oid, pg_publication.pubowner, null::oid, true,
        format('alter publication %I add table only %s', pg_publication.pubname, swapped.name)
        || coalesce(
            (
                select ' (' || string_agg(quote_ident(attname), ', ' order by attnum) || ')' from pg_attribute
                where attrelid = swapped.oid and attnum = any(pg_publication_rel.prattrs)
            ), ''
        )
        || coalesce(' where (' || pg_get_expr(pg_publication_rel.prqual, swapped.oid) || ')', '')
    from swapped
    inner join pg_publication_rel on swapped.oid = pg_publication_rel.prrelid
    inner join pg_publication on pg_publication_rel.prpubid = pg_publication.oid
    union all
    select
        5, 0, name, 'pg_class'::regclass, oid, relowner, null::oid, true,
        format('alter table %s replica identity %s', name, case relreplident when 'f' then 'full' else 'nothing' end)
    from swapped
    where relkind in ('r', 'p') and relreplident in ('f', 'n')
{% endmacro %}
