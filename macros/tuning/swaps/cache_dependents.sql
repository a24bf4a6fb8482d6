{#- Puts the views on a relation back into dbt's cache, which drops them together with the old relation. -#}

{% macro postgres__cache_dependents(relation) %}
    {%- set dependents -%}
        with recursive

        dependents (oid) as (
            select '{{ relation }}'::regclass::oid
            union
            select pg_rewrite.ev_class
            from dependents
            inner join pg_depend on dependents.oid = pg_depend.refobjid and pg_depend.refclassid = 'pg_class'::regclass
            inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid and pg_depend.classid = 'pg_rewrite'::regclass
        )

        select
            pg_namespace.nspname as schema,
            pg_class.relname as identifier,
            case pg_class.relkind when 'm' then 'materialized_view' else 'view' end as kind
        from dependents
        inner join pg_class on dependents.oid = pg_class.oid
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        where pg_class.relkind in ('v', 'm') and pg_class.oid <> '{{ relation }}'::regclass
    {%- endset -%}
    {%- for dependent in run_query(dependents) -%}
        {%- set kept = api.Relation.create(
            database=relation.database, schema=dependent['schema'], identifier=dependent['identifier'], type=dependent['kind']
        ) -%}
        {%- do adapter.cache_dropped(kept) -%}
        {%- do adapter.cache_added(kept) -%}
    {%- endfor -%}
{% endmacro %}
