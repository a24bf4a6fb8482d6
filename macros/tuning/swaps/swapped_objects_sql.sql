{#-
    More CTEs of carried_sql: the `indexes` that the new relations lack, and the functions that are `typed`, because a
    parameter or their result has the row type of a swapped relation.
-#}

{% macro postgres__swapped_objects_sql(new, managed) %}
    indexes as (
        select
            swapped.depth,
            swapped.name,
            swapped.relowner,
            swapped.relnamespace::regnamespace as schema,
            pg_class.oid,
            pg_class.relname,
            pg_index.indisunique,
            pg_index.indisreplident,
            substring(pg_get_indexdef(pg_class.oid) from ' USING .*') as definition,
            (
                select pg_get_constraintdef(oid) from pg_constraint
                where conindid = pg_class.oid and contype in ('p', 'u', 'x')
            ) as constraint_definition,
            case swapped.depth when 0 then '{{ new }}' else swapped.name end as built_on
        from swapped
        cross join root
        inner join pg_index on swapped.oid = pg_index.indrelid and pg_index.indisvalid
        inner join pg_class on pg_index.indexrelid = pg_class.oid
        where
            swapped.depth > 0
            or not exists (
                select from pg_index as new
                inner join pg_class as named on new.indexrelid = named.oid
                where
                    new.indrelid = root.new
                    and named.relname <> 'swapped_' || pg_class.oid
                    and new.indisunique >= pg_index.indisunique
                    and (
                        new.indisprimary and pg_index.indisprimary
                        or substring(pg_get_indexdef(new.indexrelid) from ' USING .*')
                        = substring(pg_get_indexdef(pg_class.oid) from ' USING .*')
                    )
            )
            and ({{ managed }} or pg_class.relname !~ '^[0-9a-f]{32}$|_[0-9a-f]{8}_[0-9a-f]{8}$')
    ),

    typed as (
        select distinct on (pg_proc.oid) pg_proc.*
        from swapped
        inner join pg_type on swapped.reltype in (pg_type.oid, pg_type.typelem)
        inner join pg_depend on pg_type.oid = pg_depend.refobjid and pg_depend.refclassid = 'pg_type'::regclass
        inner join pg_proc on pg_depend.objid = pg_proc.oid and pg_depend.classid = 'pg_proc'::regclass
        where pg_proc.prokind <> 'a'
    )
{% endmacro %}
