{#-
    Runs the statements of swap.carried between two places. If one fails, the swap fails, or the object is added to
    swap.lost if it is not required. Skips what is about a view that does not fit.
-#}

{% macro postgres__carry(first, last) %}
    {%- call statement('carry') -%}
        do $carry$
        declare
            path text := current_setting('search_path');
            timeout text := current_setting('lock_timeout');
            one record;
            details text;
        begin
            set local search_path = pg_catalog, pg_temp;
            set local check_function_bodies = off;
            set local lock_timeout = '1s';
            for one in
                select *
                from jsonb_to_recordset(current_setting('swap.carried')::jsonb) as carried (
                    place numeric, part integer, relation text, object text, owner text, is_required boolean, statement text
                )
                where place between {{ first }} and {{ last }}
                order by place, part
            loop
                begin
                    continue when one.place >= 5 and to_regclass(one.relation) is null and one.relation is not null;
                    execute one.statement;
                exception
                    when others then
                        get stacked diagnostics details = pg_exception_detail;
                        if one.is_required then
                            raise exception '% is not replaced: % of % cannot be carried over (%): change or drop it',
                                current_setting('swap.relation'), one.object, one.owner, concat_ws('; ', sqlerrm, details);
                        end if;
                        perform set_config(
                            'swap.lost',
                            concat_ws(e'\n', nullif(current_setting('swap.lost'), ''), one.object || ': ' || sqlerrm), true
                        );
                end;
            end loop;
            perform set_config('search_path', path, true);
            perform set_config('lock_timeout', timeout, true);
        end
        $carry$
    {%- endcall -%}
{% endmacro %}
