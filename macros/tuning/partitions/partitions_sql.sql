{#-
    The query for the missing partitions of a table: name, bounds, and the condition (`belongs`) on the rows that
    another partition may hold for it. Names are unique in each call, because a table that is about to be replaced
    still has its own. `rows` is where to look for the ranges that are needed (the whole table, or its default
    partition), `highest` is where to look for the last one.
-#}

{% macro postgres__partitions_sql(relation, by, rows, highest) %}
    with

    existing as (
        select pg_get_expr(pg_class.relpartbound, pg_class.oid) as bounds
        from pg_inherits
        inner join pg_class on pg_inherits.inhrelid = pg_class.oid
        where pg_inherits.inhparent = to_regclass('{{ relation }}')
    ),

    wanted as (
        {%- if by['kind'] == 'hash' %}
        select
            n::text as label,
            format('for values with (modulus {{ by["partitions"] }}, remainder %s)', n) as bounds,
            null as belongs
        from generate_series(0, {{ by['partitions'] - 1 }}) as n
        where not exists (select from existing)
        {%- elif by['kind'] == 'list' %}
        select
            place::text as label,
            format('for values in (%L)', value) as bounds,
            format('%I = %L', '{{ by["column"] }}', value) as belongs
        from unnest(array[
            {%- for value in by['values'] -%}
            {%- set text = (value | string | lower) if value is boolean else (value | string) -%}
            '{{ text | replace("'", "''") }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        ]) with ordinality as listed (value, place)
        where not exists (
            select from existing
            where translate(bounds, '''', '') = translate(format('FOR VALUES IN (%L)', value), '''', '')
        )
        {%- else %}
        {{ adapter.dispatch('range_partitions_sql', 'postgres_tuning')(by, rows, highest) }}
        {%- endif %}
        {%- if by['kind'] != 'hash' %}
        union all
        select
            'rest' as label,
            'default' as bounds,
            null as belongs
        where not exists (select from existing where bounds = 'DEFAULT')
        {%- endif %}
    )

    select
        format(
            '%I.%I', '{{ relation.schema }}',
            '{{ (relation.identifier | replace("__dbt_tmp", ""))[:38] }}_' || label
            || '_{{ local_md5(modules.datetime.datetime.now().isoformat() ~ relation)[:6] }}'
        ) as name,
        bounds,
        belongs
    from wanted
    order by bounds
{% endmacro %}
