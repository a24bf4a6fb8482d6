{#-
    The query for how a table is partitioned and how it is declared to be, its default partition and its owner.
-#}

{% macro postgres__partition_state_sql(relation, by) %}
    select
        coalesce(pg_get_partkeydef(pg_class.oid), 'not partitioned')
        || case pg_partitioned_table.partstrat
            when 'h' then ' in ' || (select count(*) from pg_inherits where inhparent = pg_class.oid)
            else ''
        end as found,
        format(
            '%s (%I)%s', '{{ by["kind"] | upper }}', '{{ by["column"] }}',
            {% if by['kind'] == 'hash' %}' in {{ by["partitions"] }}'{% else %}''{% endif %}
        ) as declared,
        nullif(pg_partitioned_table.partdefid, 0)::regclass::text as rest,
        quote_ident(pg_get_userbyid(pg_class.relowner)) as owner
    from pg_class
    left join pg_partitioned_table on pg_class.oid = pg_partitioned_table.partrelid
    where pg_class.oid = '{{ relation }}'::regclass
{% endmacro %}
