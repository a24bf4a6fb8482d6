{#-
    How rows are stored and estimated: storage options, defaults, sequences, settings of columns, extended statistics.
-#}

{% macro postgres__carried_storage_sql() %}
    select
        5, 0, swapped.name, 'pg_class'::regclass, swapped.oid, swapped.relowner, null::oid, swapped.relkind = 'v',
        format(
            'alter %s %s set (%s%s=%L)', swapped.kind, swapped.name, stored.prefix,
            split_part(option, '=', 1), substring(option from '=(.*)')
        )
    from swapped
    left join pg_class as toast on swapped.reltoastrelid = toast.oid
    cross join lateral (values ('', swapped.reloptions), ('toast.', toast.reloptions)) as stored (prefix, options)
    cross join unnest(stored.options) as option
    where swapped.relkind <> 'v' or swapped.depth = 0
    union all
    select
        5, 0, surviving.name, 'pg_class'::regclass, surviving.attrelid, surviving.relowner, null::oid, false,
        format('alter table %s alter column %I %s', surviving.name, surviving.attname, setting.statement)
    from surviving
    inner join pg_type on surviving.atttypid = pg_type.oid
    left join pg_attrdef
        on surviving.attrelid = pg_attrdef.adrelid and surviving.attnum = pg_attrdef.adnum and surviving.attgenerated = ''
    cross join lateral (
        values
        ('set statistics ' || nullif(coalesce(surviving.attstattarget, -1), -1)),
        (
            case when surviving.attstorage <> pg_type.typstorage then 'set storage ' || case surviving.attstorage
                when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
            end end
        ),
        ('set compression ' || case surviving.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end),
        (
            'set ('
            || (select string_agg(option, ', ') from unnest(surviving.attoptions) as option where option ~ '^n_distinct')
            || ')'
        ),
        ('set default ' || pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid)),
        (
            'add generated ' || case surviving.attidentity when 'a' then 'always' when 'd' then 'by default' end
            || ' as identity (start with '
            || coalesce(
                pg_sequence_last_value(pg_get_serial_sequence(surviving.name, surviving.attname)::regclass) + 1, 1
            ) || ')'
        )
    ) as setting (statement)
    where setting.statement is not null
    union all
    select
        3, 0, surviving.name, 'pg_class'::regclass, pg_depend.objid, surviving.relowner, null::oid, true,
        format('alter sequence %s owned by %s.%I', pg_depend.objid::regclass, surviving.name, surviving.attname)
    from surviving
    inner join pg_depend
        on
            surviving.attrelid = pg_depend.refobjid and surviving.attnum = pg_depend.refobjsubid
            and pg_depend.refclassid = 'pg_class'::regclass and pg_depend.classid = 'pg_class'::regclass
            and pg_depend.deptype = 'a'
    inner join pg_class on pg_depend.objid = pg_class.oid and pg_class.relkind = 'S'
    union all
    select
        step.place, 0, swapped.name, 'pg_statistic_ext'::regclass, pg_statistic_ext.oid, swapped.relowner, null::oid, false,
        step.statement
    from swapped
    inner join pg_statistic_ext on swapped.oid = pg_statistic_ext.stxrelid
    cross join lateral (
        values
        (5, pg_get_statisticsobjdef(pg_statistic_ext.oid)),
        (
            5.1,
            'alter statistics ' || format('%s.%I', pg_statistic_ext.stxnamespace::regnamespace, pg_statistic_ext.stxname)
            || ' set statistics ' || nullif(coalesce(pg_statistic_ext.stxstattarget, -1), -1)
        )
    ) as step (place, statement)
{% endmacro %}
