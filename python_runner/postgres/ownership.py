"""The target schema that the loaded tables belong to; the macro source_owners reads and writes the same record."""

from __future__ import annotations

from python_runner.errors import RunnerError
from python_runner.postgres.pool import Connection

# The lock is the one of the macro record_source_owner.
RECORD = """
do $$
begin
    if to_regclass('raw.dbt_target') is null then
        perform pg_advisory_xact_lock(hashtext('dbt_target'));
        create table if not exists raw.dbt_target (schema_name text not null);
        comment on table raw.dbt_target is
            'The target schema whose dbt runs change the tables of this schema; see take_over_sources.';
    end if;
end
$$;
"""


def check_owner(connection: Connection, target: str) -> None:
    """RunnerError if the loaded tables belong to another target schema than DBT_PG_SCHEMA."""
    recorded = connection.execute("select to_regclass('raw.dbt_target') is not null").fetchone()
    if recorded != (True,):
        return
    owner = connection.execute("select schema_name from raw.dbt_target").fetchone()
    if owner and owner[0] != target:
        raise RunnerError(
            f"the loaded tables belong to the schema {owner[0]!r}, and DBT_PG_SCHEMA is {target!r}: load with"
            f" DBT_PG_SCHEMA={owner[0]}, or take them over with `runner dbt run-operation take_over_sources`"
        )


def record_owner(connection: Connection, target: str) -> None:
    """Record that the loaded tables belong to this target schema, unless they belong to one."""
    connection.execute(RECORD)
    connection.execute(
        "insert into raw.dbt_target select %s where not exists (select from raw.dbt_target)",
        (target,),
    )
