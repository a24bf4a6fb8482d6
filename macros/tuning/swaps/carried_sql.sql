{#-
    The query for everything that hangs on a relation, and the statements that carry it over to the relation that replaces
    it, while the old one still has its name:

      place         when it runs: 0 before the relation is locked, 1 before the relations are renamed, 2 and 3 with both in
                    place, 4 drops what is replaced, 5 to 8 with the names of the old one free again
      part          the order within a place
      relation      what the statement is about
      object        the object, for messages
      owner, schema the role whose object it is, and the schema in which it is created
      is_required   whether the swap fails if the statement does; otherwise the object is dropped with a warning
-#}

{% macro postgres__carried_sql(old, new, managed=false) %}
    with recursive

    {{ adapter.dispatch('swapped_relations_sql', 'postgres_tuning')(old, new) }},

    {{ adapter.dispatch('swapped_objects_sql', 'postgres_tuning')(new, managed) }},

    carried as (
        {{ adapter.dispatch('carried_dependents_sql', 'postgres_tuning')() }}
        union all
        {{ adapter.dispatch('carried_functions_sql', 'postgres_tuning')() }}
        union all
        {{ adapter.dispatch('carried_indexes_sql', 'postgres_tuning')(new, managed) }}
        union all
        {{ adapter.dispatch('carried_actions_sql', 'postgres_tuning')() }}
        union all
        {{ adapter.dispatch('carried_storage_sql', 'postgres_tuning')() }}
        union all
        {{ adapter.dispatch('carried_comments_sql', 'postgres_tuning')() }}
        union all
        {{ adapter.dispatch('carried_rights_sql', 'postgres_tuning')() }}
        union all
        select
            4, -depth, name, 'pg_class'::regclass, oid, relowner, null, true,
            format(
                'drop %s %s.%I',
                case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
                relnamespace::regnamespace,
                case depth when 0 then '{{ make_backup_relation(old, "table").identifier }}' else 'swapped_' || oid end
            )
        from swapped
    )

    select
        place::numeric,
        part,
        relation,
        pg_describe_object(class, oid, 0) as object,
        pg_get_userbyid(owner) as owner,
        schema::regnamespace as schema,
        is_required,
        statement
    from carried
    where statement is not null
{% endmacro %}
