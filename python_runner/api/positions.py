"""What the process knows of refreshes: the version of each relation, and which keys changed at which version.

LISTEN comes first, then the versions are read: at each notification and, in case one is lost, every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from python_runner.api.declarations import Endpoint, Key
from python_runner.api.servers import MISSING, Connection, Epoch, open_connection, read_epoch
from python_runner.postgres.channel import CHANNEL
from python_runner.postgres.raw_schema import RAW

HEARTBEAT_S = 1.0
READ_LIMIT_S = 2.0
RETRY_S = 0.2
MAX_KEYS = 500_000

# One statement, so that the position, the keys up to it and the least step left in the log are of one moment. If a
# relation reads several logs, it has no position: its keys can change through each.
KEYED = """
select
    versions.version,
    versions.rebuilt_version,
    case when (select count(*) from delta.watermarks as logs where logs.reader = watermarks.reader) = 1
        then watermarks.position else 0
    end,
    (select min(step) from {log}),
    (
        select array_agg(distinct {column}) from {log}
        where step > %(after)s and step <= watermarks.position and %(after)s > 0
    )
from delta.versions
inner join delta.watermarks
    on watermarks.reader = to_regclass(versions.relation_name) and watermarks.log = {log_name}::regclass
where versions.relation_name = {relation}
"""
PLAIN = "select version, version, 0, 0, null from delta.versions where relation_name = {relation}"
LOADED = """
select batch_id, batch_id, 0, 0, null from raw.load_batches
where source = {source} and (baseline or rows_inserted + rows_updated + rows_deleted > 0)
order by batch_id desc
limit 1
"""


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
        self._statements: dict[str, Composed] = {}
        for endpoint in endpoints:
            for relation in endpoint.statement.relations:
                if endpoint.key or relation not in self._statements:
                    self._statements[relation] = _statement(relation, endpoint.key, schema)

    @property
    def relation_names(self) -> list[str]:
        """The relations that are followed."""
        return list(self._statements)

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

    def learn(self, relation: str, row: tuple[Any, ...] | None) -> None:
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

    def reset(self, epoch: Epoch) -> None:
        """Begin a history: nothing that is known holds in it."""
        self.epoch = epoch
        self.relations = {}

    async def read(self, connection: Connection) -> None:
        """Read every version; what was read of another history is forgotten."""
        standby, epoch = await read_epoch(connection)
        if standby:
            raise psycopg.OperationalError("the server is a standby")
        rows = {}
        for relation, statement in self._statements.items():
            seen = self.relations.get(relation) if epoch == self.epoch else None
            after = {"after": seen.position if seen else 0}
            try:
                rows[relation] = await (await connection.execute(statement, after)).fetchone()
            except MISSING:
                rows[relation] = None
        if epoch != self.epoch or self._went_back(rows):
            self.reset(epoch)
        for relation, row in rows.items():
            self.learn(relation, row)

    def _went_back(self, rows: dict[str, tuple[Any, ...] | None]) -> bool:
        return any(
            row and relation in self.relations and row[0] < self.relations[relation].version
            for relation, row in rows.items()
        )

    async def follow(self, conninfo: str) -> None:
        """Listen for ever; while the session is lost, nothing is known to be fresh."""
        while True:
            try:
                await self._listen(conninfo)
            except (psycopg.Error, OSError, TimeoutError):
                await asyncio.sleep(RETRY_S)
            finally:
                self.listening = False

    async def _listen(self, conninfo: str) -> None:
        connection = await open_connection(conninfo)
        try:
            await connection.execute(SQL("listen {}").format(Identifier(CHANNEL)))
            while True:
                async with asyncio.timeout(READ_LIMIT_S):
                    await self.read(connection)
                self.listening = True
                await self._wait(connection)
        finally:
            await connection.close()

    async def _wait(self, connection: Connection) -> None:
        """Until a relation that is read is named, or the next heartbeat."""
        until = asyncio.get_running_loop().time() + HEARTBEAT_S
        while (left := until - asyncio.get_running_loop().time()) > 0:
            async for notice in connection.notifies(timeout=left, stop_after=1):
                self.notices += 1
                self.last_notice = notice.payload
                if notice.payload in self._statements:
                    return


def _statement(relation: str, key: Key | None, schema: str) -> Composed:
    space, table = relation.split(".", 1)
    if space == RAW:
        return SQL(LOADED).format(source=Literal(table))
    names: dict[str, Any] = {"relation": Literal(relation)}
    if not key:
        return SQL(PLAIN).format(**names)
    log = Identifier(schema, key.log)
    return SQL(KEYED).format(log=log, log_name=Literal(log.as_string()), column=Identifier(key.column), **names)
