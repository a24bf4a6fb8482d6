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
            remedy text;
        begin
            set local search_path = pg_catalog, pg_temp;
            select
                jsonb_agg(carried),
                string_agg(distinct format('%s of %s', object, owner), ', ') filter (where not is_owned or not may_create),
                string_agg(
                    distinct case
                        when is_owned then format('grant usage, create on schema %s to %I', schema, current_user)
                        else format('grant %I to %I', owner, current_user)
                    end, '; '
                ) filter (where not is_owned or not may_create)
            into found, lacking, remedy
            from ({{ adapter.dispatch('carried_sql', 'postgres_tuning')(old, new, managed) }}) as carried
            cross join lateral (
                select
                    pg_has_role(owner, 'usage') as is_owned,
                    coalesce(has_schema_privilege(schema, 'create') and has_schema_privilege(schema, 'usage'), true) as may_create
            ) as rights;
            if lacking is not null then
                raise exception '{{ old.include(database=false) }} is not replaced, because % would be lost: %, or drop it', lacking, remedy;
            end if;
            perform set_config('swap.carried', coalesce(found, '[]')::text, true);
            perform set_config('swap.relation', '{{ old.include(database=false) }}', true);
            perform set_config('swap.lost', '', true);
            perform set_config('search_path', path, true);
        end
        $find$
    {%- endcall -%}
{% endmacro %}
