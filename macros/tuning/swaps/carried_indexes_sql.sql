{#-
    Indexes and constraints that the new relation lacks. Those of the table are built before it is locked, under names that
    are free, and renamed after the old table is dropped. `managed` says whether to carry the indexes that dbt or this
    package has created too, which a model declares.
-#}

{% macro postgres__carried_indexes_sql(new, managed) %}
    select
        step.place, indexes.depth, indexes.name, 'pg_class'::regclass, indexes.oid, indexes.relowner, null::oid,
        false, step.statement
    from indexes
    cross join lateral (
        values
        (
            case indexes.depth when 0 then 0 else 5 end,
            case
                when indexes.constraint_definition is null then format(
                    'create %sindex %I on %s%s', case when indexes.indisunique then 'unique ' end,
                    'swapped_' || indexes.oid, indexes.built_on, indexes.definition
                )
                else format(
                    'alter table %s add constraint %I %s', indexes.built_on, 'swapped_' || indexes.oid,
                    indexes.constraint_definition
                )
            end
        ),
        (5.1, format('alter index %s.%I rename to %I', indexes.schema, 'swapped_' || indexes.oid, indexes.relname)),
        (
            5.2,
            case when indexes.indisreplident then
                format('alter table %s replica identity using index %I', indexes.name, indexes.relname)
            end
        )
    ) as step (place, statement)
    union all
    select
        case when pg_constraint.confrelid = pg_constraint.conrelid then 5 else 0 end, 0, swapped.name,
        'pg_constraint'::regclass, pg_constraint.oid, swapped.relowner, null::oid, false,
        format(
            'alter table %s add constraint %I %s',
            case when pg_constraint.confrelid = pg_constraint.conrelid then swapped.name else '{{ new }}' end,
            pg_constraint.conname, pg_get_constraintdef(pg_constraint.oid)
        )
    from root
    inner join swapped on root.oid = swapped.oid
    inner join pg_constraint on root.oid = pg_constraint.conrelid
    where
        pg_constraint.contype in ('c', 'f')
        and pg_constraint.conparentid = 0
        and not exists (
            select from pg_constraint as new
            where
                new.conrelid = root.new
                and new.contype = pg_constraint.contype
                and pg_get_constraintdef(new.oid) = pg_get_constraintdef(pg_constraint.oid)
        )
{% endmacro %}
