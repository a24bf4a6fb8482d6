{#-
    Reads what carried_sql finds into the setting swap.carried of the transaction, with all names qualified, and fails if
    the role lacks the rights to carry one of the objects.
-#}

{% macro postgres__find_carried(old, new, managed=false) %}
    {%- call statement('find_carried') -%}
        do $find$
        declare
            path text := current_setting('search_path');
            found jsonb;
            lacking text;
        begin
            set local search_path = pg_catalog, pg_temp;
            select
                jsonb_agg(carried),
                min(format(
                    '%s of %s uses %s or belongs to it, and %s has no right to carry it over: %s%s, or drop it', object,
                    quote_ident(owner), '{{ old.include(database=false) }}', quote_ident(current_user),
                    format('grant %I to %I', owner, current_user),
                    format('; grant usage, create on schema %s to %I', schema, current_user)
                )) filter (
                    where not pg_has_role(owner, 'usage')
                    or not has_schema_privilege(schema::regnamespace, 'usage, create')
                )
            into found, lacking
            from ({{ adapter.dispatch('carried_sql', 'postgres_tuning')(old, new, managed) }}) as carried;
            if lacking is not null then
                raise exception '{{ old.identifier }} is not replaced: %', lacking;
            end if;
            perform set_config('swap.carried', coalesce(found, '[]')::text, true);
            perform set_config('swap.relation', '{{ old.include(database=false) }}', true);
            perform set_config('swap.lost', '', true);
            perform set_config('search_path', path, true);
        end
        $find$
    {%- endcall -%}
{% endmacro %}
