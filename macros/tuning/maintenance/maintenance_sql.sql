{#-
    The query for the tables that are due. VACUUM is due if the share of dead rows exceeds `dead_share`, or the
    share of inserted rows ten times that; ANALYZE is due if the share of changed rows exceeds `changed_share`. A
    table's meta.maintenance takes precedence over the vars vacuum_dead_share and analyze_changed_share.
-#}

{% macro postgres__maintenance_sql(tables, regardless) %}
    {%- for table in tables -%}
        {%- for key, value in table.meta.get('maintenance', {}).items() -%}
            {%- if key not in ['dead_share', 'changed_share'] or value is not number -%}
                {{ exceptions.raise_compiler_error(
                    "maintenance: " ~ table.name ~ " declares " ~ key ~ " '" ~ value ~ "': use dead_share, changed_share and a number"
                ) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    with

    tables (oid, dead_share, changed_share) as (
        values
        {%- for table in tables %}
        {%- set shares = table.meta.get('maintenance', {}) %}
        (
            to_regclass('{{ table.relation }}'),
            {{ shares.get('dead_share', var('vacuum_dead_share', 0.02)) }},
            {{ shares.get('changed_share', var('analyze_changed_share', 0.1)) }}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ),

    members as (
        select
            tables.oid,
            tables.oid as member
        from tables
        union
        select
            tables.oid,
            partition.relid as member
        from tables
        cross join lateral pg_partition_tree(tables.oid) as partition
    ),

    counted as (
        select
            members.oid,
            sum(statistics.n_dead_tup) as dead,
            sum(statistics.n_ins_since_vacuum) as inserted,
            sum(statistics.n_mod_since_analyze) as changed,
            sum(statistics.n_live_tup) as alive
        from members
        inner join pg_stat_user_tables as statistics on members.member = statistics.relid
        group by members.oid
    ),

    due as (
        select
            tables.oid::regclass::text as name,
            {{ regardless }}
            or counted.dead > tables.dead_share * counted.alive
            or counted.inserted > 10 * tables.dead_share * counted.alive as vacuum_due,
            {{ regardless }}
            or counted.changed > tables.changed_share * counted.alive as analyze_due
        from tables
        inner join counted on tables.oid = counted.oid
        inner join pg_class on tables.oid = pg_class.oid
        where pg_has_role(pg_class.relowner, 'usage')
    )

    select *
    from due
    where vacuum_due or analyze_due
    order by random()
{% endmacro %}
