"""What the process knows of refreshes: the version of each relation, and which keys changed at which version.

LISTEN comes first, then the versions are read: at each notification and, in case one is lost, every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal, Placeholder

from python_runner.api.declarations import Endpoint, Key
from python_runner.api.servers import EPOCH, MISSING, Epoch, read_row, version_of
from python_runner.postgres.channel import CHANNEL

HEARTBEAT_S = 1.0
READ_LIMIT_S = 2.0
RETRY_S = 0.2
MAX_KEYS = 500_000

Connection = psycopg.AsyncConnection[Any]
Row = Sequence[Any]  # version, version at the last rebuild, position, least step of the log, changed keys

# The position, the keys up to it and the least step left in the log are of one moment. If a relation reads several
# logs, it has no position: its keys can change through each. Nor has one that reads none, because its rows come from
# Snowflake.
KEYED = """(
    select jsonb_build_array(
        versions.version,
        versions.rebuilt_version,
        case when (select count(*) from delta.watermarks as logs where logs.reader = watermarks.reader) = 1
            then watermarks.position else 0
        end,
        (select min(step) from {log}),
        (
            select jsonb_agg(distinct {column}) from {log}
            where step > {after} and step <= watermarks.position and {after} > 0
        )
    )
    from delta.versions
    left join delta.watermarks
        on watermarks.reader = to_regclass(versions.relation_name) and watermarks.log = {log_name}::regclass
    where versions.relation_name = {relation}
)"""


@dataclass
class Seen:
    """A relation as it was last read. Entries below the floor are expired; others if their key changed since."""

    version: int
    floor: int
    position: int = 0
    changed: dict[str, int] = field(default_factory=dict)


class Known:
    """The newest versions that the process knows of."""

    def __init__(self, endpoints: Iterable[Endpoint], schema: str) -> None:
        self.epoch: Epoch | None = None
        self.listening = False
        self.relations: dict[str, Seen] = {}
        self.notices = 0
        self.last_notice = ""
        self._columns: dict[str, str] = {}
        for endpoint in endpoints:
            for relation in endpoint.statement.relations:
                if endpoint.key:
                    self._columns[relation] = _keyed(relation, endpoint.key, schema)
                else:
                    self._columns.setdefault(relation, version_of(relation))

    @property
    def relation_names(self) -> list[str]:
        """The relations that are followed."""
        return list(self._columns)

    def state(self) -> dict[str, Any]:
        """What is known, for people and monitoring."""
        versions = {relation: seen.version for relation, seen in self.relations.items()}
        timeline = self.epoch.timeline if self.epoch else None
        return {"ready": self.listening, "last_notice": self.last_notice, "timeline": timeline, "versions": versions}

    def covers(self, epoch: Epoch, relations: Sequence[str], versions: Sequence[int | None], key: str | None) -> bool:
        """Whether what was read at these versions shows every change that the process knows of."""
        if epoch != self.epoch:
            return False
        for relation, version in zip(relations, versions, strict=True):
            seen = self.relations.get(relation)
            if seen is None or version is None:
                return False
            if version < seen.version and (key is None or version < max(seen.floor, seen.changed.get(key, 0))):
                return False
        return True

    def learn(self, relation: str, row: Row | None) -> None:
        """Take over what was read of a relation."""
        if row is None:
            self.relations.pop(relation, None)
            return
        version, rebuilt, position, least, keys = row
        seen = self.relations.get(relation)
        if seen is not None and version == seen.version:
            return
        if (
            seen is None
            or rebuilt > seen.version
            or not 0 < seen.position < position
            or least is None
            or least > seen.position  # compacted: a key whose sum is zero has left the log
            or len(seen.changed) > MAX_KEYS
        ):
            self.relations[relation] = Seen(version, version, position)
        else:
            seen.version, seen.position = version, position
            seen.changed.update(dict.fromkeys(keys or (), version))

    def reset(self, epoch: Epoch | None) -> None:
        """Begin a history: nothing that is known holds in it."""
        self.epoch = epoch
        self.relations = {}

    async def read(self, connection: Connection) -> None:
        """Read every version, in one statement; what was read of another history is forgotten."""
        after = {relation: seen.position for relation, seen in self.relations.items()}
        for columns in (self._columns, {relation: version_of(relation) for relation in self._columns}):
            statement = f"select {', '.join([EPOCH, *columns.values()])}"
            with suppress(*MISSING):  # a log, where the rows come from Snowflake
                cursor = await connection.execute(statement, dict.fromkeys(self._columns, 0) | after)
                break
        else:
            self.reset(None)
            return
        standby, epoch, found = read_row(await cursor.fetchone() or ())
        if standby:
            raise psycopg.OperationalError("the server is a standby")
        rows = {relation: _row(value) for relation, value in zip(self._columns, found, strict=True)}
        if epoch != self.epoch or any(
            row and row[0] < self.relations[relation].version
            for relation, row in rows.items()
            if relation in self.relations
        ):
            self.reset(epoch)
        for relation, row in rows.items():
            self.learn(relation, row)

    async def follow(self, conninfo: str) -> None:
        """Listen for ever; while the session is lost, nothing is known to be fresh."""
        while True:
            with suppress(psycopg.Error, OSError, TimeoutError):
                await self._listen(conninfo)
            self.listening = False
            await asyncio.sleep(RETRY_S)

    async def _listen(self, conninfo: str) -> None:
        # prepares nothing, since a pooler that stands between may lend out another session each time
        async with await Connection.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            await connection.execute(SQL("listen {}").format(Identifier(CHANNEL)))
            while True:
                async with asyncio.timeout(READ_LIMIT_S):
                    await self.read(connection)
                self.listening = True
                await self._wait(connection)

    async def _wait(self, connection: Connection) -> None:
        """Until a relation that is read is named, or the next heartbeat."""
        until = asyncio.get_running_loop().time() + HEARTBEAT_S
        while (left := until - asyncio.get_running_loop().time()) > 0:
            async for notice in connection.notifies(timeout=left, stop_after=1):
                self.notices += 1
                self.last_notice = notice.payload
                if notice.payload in self._columns:
                    return


def _row(value: Any) -> Row | None:
    """What was read of a relation; one without a changelog changes as a whole."""
    return (value, value, 0, 0, None) if isinstance(value, int) else value


def _keyed(relation: str, key: Key, schema: str) -> str:
    log = Identifier(schema, key.log)
    return (
        SQL(KEYED)
        .format(
            log=log,
            log_name=Literal(log.as_string()),
            column=Identifier(key.column),
            relation=Literal(relation),
            after=Placeholder(relation),
        )
        .as_string()
    )
