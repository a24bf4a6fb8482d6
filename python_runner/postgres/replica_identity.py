"""The replica identity of the raw tables: what lets them be published."""

from __future__ import annotations

# A published table takes UPDATE and DELETE only if it has a primary key or a replica identity.
REPLICA_IDENTITY = """
do $$
declare
    name regclass;
    before text := current_setting('lock_timeout');
begin
    for name in
        select oid
        from pg_class
        where
            relnamespace = 'raw'::regnamespace and relkind in ('r', 'p') and relpersistence = 'p' and relreplident = 'd'
            and pg_has_role(relowner, 'usage')
            and not exists (select from pg_index where indrelid = pg_class.oid and indisprimary)
    loop
        begin
            set local lock_timeout = '1s';
            execute format('alter table %s replica identity full', name);
        exception
            when lock_not_available then null;  -- readers do not queue behind it; the next load tries again
        end;
    end loop;
    perform set_config('lock_timeout', before, true);
end
$$;
"""
