"""Reads Postgres for the copy: everything in one snapshot, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from python_runner.analytics.state import Origin, Place
from python_runner.analytics.tables import FACTS, LOGS, NAMES, Table
from python_runner.errors import RunnerError
from python_runner.postgres.pool import Connection, wrap_driver_errors
from python_runner.settings import PostgresSettings

PROFILES = Identifier("raw", "wallet_profiles")
LOCK_LIMIT_S = 300

# A server starts when a backup is restored, and a database that is created again gets another OID.
SERVER = """
select
    system_identifier::text,
    current_database()::text,
    concat_ws(' ', pg_database.oid, extract(epoch from pg_postmaster_start_time())),
    (now() at time zone 'utc')::text
from pg_control_system(), pg_database
where datname = current_database()
"""

# Up to where int_wallet_facts accounts for the changelogs that it reads; a watermark counts only for these relations.
ACCOUNTED = """
select
    concat_ws(' ', log.oid, log.name),
    watermarks."position",
    concat_ws(
        ' ',
        pg_relation_filenode(log.oid),
        (
            select string_agg(pg_relation_filenode(relid)::text, ' ' order by relid::oid)
            from pg_partition_tree(log.oid::regclass) where isleaf
        )
    )
from (select format('%%I.%%I', %(schema)s::text, %(log)s::text), format('%%I.%%I', %(schema)s::text, %(facts)s::text))
    as named (log, facts)
cross join lateral (select to_regclass(named.log)::oid, named.log) as log (oid, name)
left join delta.watermarks
    on
        watermarks.log = log.oid and watermarks.log_name = named.log
        and watermarks.reader = to_regclass(named.facts) and watermarks.reader_name = named.facts
"""

LOADED = """
select coalesce(max(batch_id), 0) from raw.load_batches
where source = 'wallet_profiles' and (baseline or rows_inserted + rows_updated + rows_deleted > 0)
"""


class NotBuiltError(RunnerError):
    """The changelogs do not belong together: they are being rebuilt, or were never built."""


@dataclass(frozen=True)
class Snapshot:
    """The changelogs as they are for one transaction."""

    connection: Connection
    origin: Origin
    incarnation: str
    now: str
    places: dict[str, Place]
    names: int

    def copy(self, table: Table, path: Path, *, after: int = 0, upto: int | None = None) -> None:
        """Write the rows of the steps to a CSV file."""
        query = self._names() if table is NAMES else self._steps(table, after, upto)
        with (
            wrap_driver_errors(),
            path.open("wb") as file,
            self.connection.cursor().copy(SQL("copy ({}) to stdout (format csv)").format(query)) as rows,
        ):
            for block in rows:
                file.write(block)

    def _steps(self, table: Table, after: int, upto: int | None) -> Composed:
        return SQL("select {columns} from {log} where step > {after} and step <= {upto}").format(
            columns=SQL(", ").join(map(Identifier, table.columns)),
            log=Identifier(self.origin.schema, table.name),
            after=after,
            upto=self.places[table.name].position if upto is None else upto,
        )

    def _names(self) -> Composed:
        return SQL("select wallet_address, nullif(trim(display_name), ''), 1 from {}").format(PROFILES)


@contextmanager
def open_snapshot(settings: PostgresSettings) -> Iterator[Snapshot]:
    """A read-only transaction. NotBuiltError if the changelogs do not belong together."""
    with wrap_driver_errors():
        connection = psycopg.connect(
            settings.conninfo, fallback_application_name="runner analytics", prepare_threshold=None
        )
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with closing(connection):
        with wrap_driver_errors():
            _lock(connection, settings.dbt_pg_schema)
            identifier, database, incarnation, now = connection.execute(SERVER).fetchone() or ("", "", "", "")
            schema = settings.dbt_pg_schema
            places = {table.name: _place(connection, schema, table) for table in LOGS}
            names = _value(connection, SQL(LOADED))
        yield Snapshot(connection, Origin(identifier, database, schema), incarnation, now, places, names or 0)


def _lock(connection: Connection, schema: str) -> None:
    """Keep compaction from truncating what is read: a table that was truncated is empty in every snapshot.

    LOCK TABLE takes no snapshot. It gives up before the server looks for deadlocks, and begins again.
    """
    tables = [PROFILES, *(Identifier(schema, table.name) for table in LOGS)]
    retrying = Retrying(
        retry=retry_if_exception_type(psycopg.errors.LockNotAvailable),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(LOCK_LIMIT_S),
        reraise=True,
    )

    def lock() -> None:
        connection.rollback()
        connection.execute("set local lock_timeout = '500ms'")
        connection.execute(SQL("lock table {} in access share mode").format(SQL(", ").join(tables)))

    try:
        retrying(lock)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise NotBuiltError(f"{error.diag.message_primary}: run `runner run` first") from error


def _place(connection: Connection, schema: str, table: Table) -> Place:
    if _value(connection, SQL("select to_regclass('delta.watermarks')::oid::bigint")) is None:
        raise NotBuiltError("nothing is built yet: run `runner run` first")
    parameters = {"schema": schema, "log": table.name, "facts": FACTS.name}
    relation, position, files = connection.execute(ACCOUNTED, parameters).fetchone() or ("", None, "")
    log = Identifier(schema, table.name)
    if table is FACTS:
        position = _value(connection, SQL("select coalesce(max(step), 0) from {}").format(log))
    if position is None:
        raise NotBuiltError(f"{schema}.{FACTS.name} has not read {schema}.{table.name} since it was rebuilt")
    return Place(relation, position, _value(connection, SQL("select min(step) from {}").format(log)), files or "")


def _value(connection: Connection, query: SQL | Composed) -> int | None:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
