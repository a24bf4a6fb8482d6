{#-
    The first CTEs of carried_sql. `swapped` are the relations that are created again when `old` is replaced by `new`: `old`
    itself, the materialized views that read one of them, and the views that use a column which `new` lacks or has with
    another type. `repointed` are the other views that read one of them: CREATE OR REPLACE VIEW moves them.
-#}

{% macro postgres__swapped_relations_sql(old, new) %}
    root (oid, new) as (
        select
            '{{ old }}'::regclass::oid,
            '{{ new }}'::regclass::oid
    ),

    uses as (
        select distinct
            pg_rewrite.ev_class as oid,
            pg_depend.refobjid as used,
            pg_depend.refobjsubid as used_column
        from pg_depend
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
        where
            pg_depend.classid = 'pg_rewrite'::regclass
            and pg_depend.refclassid = 'pg_class'::regclass
            and pg_rewrite.ev_class <> pg_depend.refobjid
            and pg_rewrite.rulename = '_RETURN'
    ),

    changed as (
        select old.attnum
        from root
        inner join pg_attribute as old on root.oid = old.attrelid
        left join pg_attribute as new
            on
                root.new = new.attrelid and old.attname = new.attname and not new.attisdropped
                and (old.atttypid, old.atttypmod, old.attcollation) = (new.atttypid, new.atttypmod, new.attcollation)
        where old.attnum > 0 and not old.attisdropped and new.attname is null
    ),

    created (oid, depth, is_changed) as (
        select
            oid,
            0,
            false
        from root
        union
        select
            uses.oid,
            created.depth + 1,
            created.is_changed or created.depth = 0 and uses.used_column in (select attnum from changed)
        from created
        inner join uses on created.oid = uses.used
        inner join pg_class on uses.oid = pg_class.oid
        where
            pg_class.relkind = 'm'
            or created.is_changed
            or created.depth = 0 and uses.used_column in (select attnum from changed)
    ),

    dependents (oid, depth) as (
        select
            oid,
            0
        from root
        union
        select
            uses.oid,
            dependents.depth + 1
        from dependents
        inner join uses on dependents.oid = uses.used
    ),

    described as (
        select
            pg_class.*,
            max(dependents.depth) as depth,
            format('%I.%I', pg_namespace.nspname, pg_class.relname) as name,
            case
                coalesce((select relkind from pg_class as new where oid = root.new and root.oid = pg_class.oid), relkind)
                when 'v' then 'view' when 'm' then 'materialized view' else 'table'
            end as kind
        from dependents
        cross join root
        inner join pg_class on dependents.oid = pg_class.oid
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        group by pg_class.oid, pg_namespace.nspname, root.oid, root.new
    ),

    swapped as (
        select *
        from described
        where oid in (select oid from created)
    ),

    repointed as (
        select *
        from described
        where
            oid not in (select oid from created)
            and oid in (select uses.oid from uses where uses.used in (select created.oid from created))
    ),

    surviving as (
        select
            swapped.name,
            swapped.depth,
            swapped.relowner,
            pg_attribute.*
        from swapped
        cross join root
        inner join pg_attribute on swapped.oid = pg_attribute.attrelid
        where
            pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and (
                swapped.depth > 0
                or exists (
                    select from pg_attribute as new
                    where new.attrelid = root.new and new.attname = pg_attribute.attname and not new.attisdropped
                )
            )
    )
{% endmacro %}
