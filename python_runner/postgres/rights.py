"""The rights that the role of DATABASE_URL needs, checked together before anything is loaded or built."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5

from python_runner.errors import RunnerError
from python_runner.postgres.pool import Connection
from python_runner.settings import MAX_NAME_BYTES

# A schema that does not exist is created; one that does is used, and objects are created in it. Tables that are loaded
# are altered, so they must belong to the role, or to a role that it is a member of.
MISSING = """
select format('grant create on database %%I to %%I', current_database(), current_user)
where
    exists (select from unnest(%(schemas)s::text[]) as name where to_regnamespace(quote_ident(name)) is null)
    and not has_database_privilege(current_database(), 'create')
union all
select format('grant usage, create on schema %%I to %%I', nspname, current_user)
from pg_namespace
where
    nspname = any(%(schemas)s)
    and not (has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create'))
union all
select format('alter table %%s owner to %%I', pg_class.oid::regclass, current_user)
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    nspname = any(%(schemas)s) and nspname = 'raw' and relkind in ('r', 'p')
    and has_schema_privilege(nspname, 'usage') and not pg_has_role(relowner, 'usage')
"""


def failures_schema(target: str) -> str:
    """The schema of the rows that fail a test, as the macro generate_schema_name spells it."""
    name = f"{target}_dbt_test__audit"
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    end = f"_{md5(target.encode(), usedforsecurity=False).hexdigest()[:8]}_dbt_test__audit"
    return target.encode()[: MAX_NAME_BYTES - len(end)].decode(errors="ignore") + end


def check_rights(connection: Connection, schemas: Sequence[str]) -> None:
    """RunnerError with the statements that grant what the role lacks to create these schemas and objects in them."""
    missing = [statement for (statement,) in connection.execute(MISSING, {"schemas": list(schemas)}).fetchall()]
    if missing:
        raise RunnerError(
            f"the role {connection.info.user} lacks rights: run as the owner of the database: {'; '.join(missing)}"
        )
