"""The primary and its standbys: pools of read-only connections, and answers with the versions that they show."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Literal
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from python_runner.api.declarations import Endpoint
from python_runner.api.sql import placeholders
from python_runner.postgres.raw_schema import RAW

MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)
POOL_WAIT_S = 0.3
HEARTBEAT_S = 1.0
PRIMARY_LIMIT_S = 2.5
STATEMENT_LIMIT_MS = 2000
OPTIONS = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_LIMIT_MS} -c timezone=UTC"

# A standby knows its time-line from its last restartpoint, and so is not read from for a while after it has changed.
HISTORY = """
pg_is_in_recovery(),
case
    when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
    else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
end,
{},
(select oid::bigint from pg_database where datname = current_database()),
coalesce(to_regclass('raw.load_batches')::oid::bigint, 0),
coalesce(to_regclass('delta.versions')::oid::bigint, 0)
"""
# The identifier is read from a file, which takes a sixth of a short question: a server keeps it until it stops.
SYSTEM = "(select system_identifier from pg_control_system())"
STARTED = "extract(epoch from pg_postmaster_start_time())::double precision"
EPOCH, SERVED = HISTORY.format(SYSTEM), HISTORY.format(STARTED)
MODEL_VERSION = "(select version from delta.versions where relation_name = {})"
LOADED_VERSION = """(
    select batch_id from raw.load_batches
    where source = {} and (baseline or rows_inserted + rows_updated + rows_deleted > 0)
    order by batch_id desc
    limit 1
)"""
ANSWERS = {
    "object": "(select row_to_json(answer) from (\n{}\n) as answer)",
    "list": "(select coalesce(json_agg(answer), '[]') from (\n{}\n) as answer)",
    "page": """(
    select json_build_object(
        '{items}', coalesce(json_agg(answer), '[]'),
        'next', case when count(*) = %(limit)s then (array_agg(answer.{next}))[count(*)] end
    )
    from (\n{}\n) as answer
    having count(*) > 0 or not %(must_be_known)s
)""",
}

logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # the metrics say which server is away


class Epoch(NamedTuple):
    """The history that versions belong to: cluster and database, time-line, and the tables that count versions."""

    timeline: int
    system: int
    database: int
    batches: int
    versions: int


class Answer(NamedTuple):
    """The rows as JSON, none if there are none, with the versions of the relations in the same snapshot."""

    epoch: Epoch
    versions: tuple[int | None, ...]
    body: bytes | None


class Unavailable(Exception):  # noqa: N818
    """No server can answer now; the message says why, and what to do if waiting does not help."""


class Missing(Unavailable):
    """A relation is missing, or has other columns; the command builds it."""

    command = "runner run"


class _Bytes(Loader):
    """Passes JSON through as it comes."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


ADAPTERS = AdaptersMap(psycopg.adapters)
ADAPTERS.register_loader("json", _Bytes)


def read_row(row: Sequence[Any]) -> tuple[bool, Epoch, tuple[Any, ...]]:
    """Of a row that begins with EPOCH or SERVED: whether the server is a standby, its history, and the rest."""
    after = 1 + len(Epoch._fields)
    return row[0], Epoch(*row[1:after]), tuple(row[after:])


def version_of(relation: str) -> str:
    """SQL for the version of a relation."""
    space, table = relation.split(".", 1)
    return (
        SQL(LOADED_VERSION if space == RAW else MODEL_VERSION)
        .format(Literal(table if space == RAW else relation))
        .as_string()
    )


def question(endpoint: Endpoint, text: str, relations: Sequence[str]) -> str:
    """The statement that answers an endpoint by a file, with the versions of the relations."""
    shape = ANSWERS[endpoint.answer].replace("{items}", endpoint.items).replace("{next}", endpoint.next)
    columns = [SERVED, *map(version_of, relations), shape.replace("{}", placeholders(text))]
    return f"select\n{', '.join(columns)}"


class Server:
    """A server, with a pool of connections to it."""

    def __init__(self, name: str, conninfo: str, size: int, minimum: int, *, standby: bool) -> None:
        attributes = {} if standby else {"target_session_attrs": "primary"}
        self.name, self.standby = name, standby
        self.conninfo = make_conninfo(
            conninfo, application_name="collectibles_api", options=OPTIONS, connect_timeout=2, **attributes
        )
        self._prepare: bool | None = None
        self._systems: dict[float, int] = {}
        self.pool = AsyncConnectionPool(
            self.conninfo,
            kwargs={"autocommit": True, "context": ADAPTERS},
            min_size=min(minimum, size),
            max_size=size,
            timeout=POOL_WAIT_S,
            reconnect_timeout=1,
            open=False,
            name=name,
        )

    @property
    def size(self) -> int:
        """The connections of the pool now."""
        return int(self.pool.get_stats().get("pool_size", 0))

    async def ask(self, statement: str, values: Mapping[str, Any]) -> Answer:
        """Run a statement that begins as those of `question`. Unavailable if the server does not answer."""
        for attempt in (1, 2):
            try:
                return await self._ask(statement, values)
            except MISSING as error:
                raise Missing(error.diag.message_primary) from error
            except (psycopg.errors.DuplicatePreparedStatement, psycopg.errors.InvalidSqlStatementName):
                self._prepare = False  # a pooler in between does not support them
            except PoolTimeout as error:
                raise Unavailable(f"no connection to the {self.name}") from error
            except psycopg.OperationalError as error:
                if attempt > 1 or isinstance(error, psycopg.errors.QueryCanceled):
                    raise Unavailable(f"the {self.name} does not answer") from error
                await self.pool.check()  # a restart has closed idle connections too
        raise Unavailable(f"the {self.name} does not answer")

    async def _ask(self, statement: str, values: Mapping[str, Any]) -> Answer:
        connection = await self.pool.getconn()  # the pool's context manager commits too, which costs as much
        try:
            cursor = await connection.execute(statement, values, prepare=self._prepare)
            is_standby, served, (*versions, body) = read_row(await cursor.fetchone() or ())
            if is_standby != self.standby:
                await connection.close()
                raise Unavailable(f"the {self.name} is {'a standby' if is_standby else 'a primary'}")
            while served.system not in self._systems:  # a pooler may ask another server, whose start is another
                cursor = await connection.execute(f"select {STARTED}, {SYSTEM}")
                self._systems.update([await cursor.fetchone() or ()])
            return Answer(served._replace(system=self._systems[served.system]), tuple(versions), body)
        finally:
            await self.pool.putconn(connection)


class Standby(Server):
    """A standby: it is asked only while its versions, read every second, are those that an answer needs."""

    def __init__(self, name: str, conninfo: str, size: int, minimum: int) -> None:
        super().__init__(name, conninfo, size, minimum, standby=True)
        self.seen: tuple[Epoch, dict[str, int | None]] | None = None

    def at(self, relations: Sequence[str]) -> Answer | None:
        """The versions that an answer would show at least; None while the standby is away."""
        if self.seen is None:
            return None
        epoch, versions = self.seen
        return Answer(epoch, tuple(versions.get(relation) for relation in relations), None)

    async def ask_within(self, limit_s: float, statement: str, values: Mapping[str, Any]) -> Answer | None:
        """Ask; a standby that does not answer in time is left alone until it has shown its versions again."""
        asking = asyncio.create_task(self.ask(statement, values))
        done, _ = await asyncio.wait({asking}, timeout=limit_s)
        if done and not asking.exception():
            return asking.result()
        asking.cancel()  # not awaited: cancelling a query asks the server too
        self.seen = None
        return None

    async def follow(self, relations: Sequence[str]) -> None:
        """Read the versions for ever."""
        statement = f"select {', '.join([SERVED, *map(version_of, relations)])}, null"
        while True:
            answer = await self.ask_within(HEARTBEAT_S, statement, {})
            if answer:
                self.seen = answer.epoch, dict(zip(relations, answer.versions, strict=True))
            await asyncio.sleep(HEARTBEAT_S)
