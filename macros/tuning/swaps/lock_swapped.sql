{#-
    Takes the ACCESS EXCLUSIVE locks of a swap, readers first. A reader waits for at most a second: then the locks are
    given up, and requested again until swap_wait has passed. OWNER TO the present owner changes nothing, but locks a
    relation of any kind.
-#}

{% macro postgres__lock_swapped(relation) %}
    {%- call statement('lock_swapped') -%}
        do $lock$
        declare
            until timestamptz := clock_timestamp() + interval '{{ var("swap_wait", "5 minutes") }}';
            timeout text := current_setting('lock_timeout');
            locked oid[] := (
                with
                swapped as (
                    select
                        relation::regclass as oid,
                        min(place) as place,
                        max(abs(part)) as part
                    from jsonb_to_recordset(current_setting('swap.carried')::jsonb) as carried (
                        place numeric, part integer, relation text
                    )
                    where place between 1 and 4
                    group by relation::regclass
                ),
                members as (
                    select
                        coalesce(tree.relid, swapped.oid)::oid as oid,
                        swapped.part,
                        coalesce(tree.level, 0) as level
                    from swapped
                    left join pg_partition_tree(swapped.oid) as tree on true
                )
                select array_agg(oid order by part desc, level)
                from members
            );
            one record;
            started timestamptz;
        begin
            loop
                begin
                    started := clock_timestamp();
                    for one in
                        select format('alter table %s owner to %s', oid::regclass, relowner::regrole) as statement
                        from unnest(locked) with ordinality as wanted (oid, place)
                        inner join pg_class using (oid)
                        order by wanted.place
                    loop
                        perform set_config('lock_timeout', greatest(1, 1000 - 1000 * extract(
                            epoch from clock_timestamp() - started
                        ))::integer || 'ms', true);
                        execute one.statement;
                    end loop;
                    exit;
                exception
                    when lock_not_available or deadlock_detected then
                        if clock_timestamp() > until then
                            raise exception '{{ relation.identifier }} is not replaced: it is in use by %: end these sessions, or raise swap_wait', (
                                select string_agg(distinct format(
                                    '%s (%s%s)', coalesce(pg_locks.pid::text, 'a prepared transaction'), activity.usename,
                                    ', ' || nullif(activity.application_name, '')
                                ), ', ')
                                from pg_locks
                                left join pg_stat_activity as activity on pg_locks.pid = activity.pid
                                where
                                    pg_locks.relation = any(locked)
                                    and pg_locks.granted
                                    and pg_locks.pid is distinct from pg_backend_pid()
                            );
                        end if;
                end;
                perform pg_sleep(1);
            end loop;
            perform set_config('lock_timeout', timeout, true);
        end
        $lock$
    {%- endcall -%}
{% endmacro %}
