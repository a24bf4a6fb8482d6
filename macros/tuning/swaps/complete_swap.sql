{#-
    After the new relation has the name: moves to it what hung on the old one, and drops the old one without CASCADE, so that
    nothing is lost that is not carried. Privileges that the role grants by default on new relations are revoked first.
-#}

{% macro postgres__complete_swap(relation) %}
    {%- set carry = adapter.dispatch('carry', 'postgres_tuning') -%}
    {%- do carry(2, 6) -%}
    {%- call statement('revoke_defaults') -%}
        do $revoke$
        declare
            one record;
        begin
            for one in
                select distinct format(
                    'revoke all on %s from %s', pg_class.oid::regclass,
                    case entry.grantee when 0 then 'public' else entry.grantee::regrole::text end
                ) as statement
                from jsonb_to_recordset(current_setting('swap.carried')::jsonb) as carried (place numeric, relation text)
                inner join pg_class on to_regclass(carried.relation) = pg_class.oid
                cross join aclexplode(pg_class.relacl) as entry
                where carried.place = 4 and entry.grantee <> pg_class.relowner
            loop
                execute one.statement;
            end loop;
        end
        $revoke$
    {%- endcall -%}
    {%- do carry(7, 8) -%}
    {%- set lost = run_query("select current_setting('swap.lost'), set_config('swap.relation', '', true)")[0][0] -%}
    {%- for object in lost.split('\n') if object -%}
        {%- do exceptions.warn(relation ~ " is replaced; dropped, because it does not fit: " ~ object ~ ": build it again") -%}
    {%- endfor -%}
    {%- do adapter.dispatch('cache_dependents', 'postgres_tuning')(relation) -%}
{% endmacro %}
