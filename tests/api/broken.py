"""The API as it is, or broken in one way: `python -m tests.api.broken PORT [BREAK]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from psycopg.sql import SQL, Identifier
from starlette.types import ASGIApp

from python_runner.api import service
from python_runner.api.app import create_app
from python_runner.api.cache import CacheKey, Shared, shared_name
from python_runner.api.positions import Connection, Known
from python_runner.postgres.channel import CHANNEL


def _ignore_versions() -> None:
    """Entries are served until their time is over."""
    Known.covers = lambda *_: True  # type: ignore[method-assign]


def _read_before_listening() -> None:
    """What is committed in between is not known before the next heartbeat."""

    async def listen(self: Known, conninfo: str) -> None:
        connection = await Connection.connect(conninfo, autocommit=True)
        try:
            await self.read(connection)
            self.listening = True
            await asyncio.sleep(1)
            await connection.execute(SQL("listen {}").format(Identifier(CHANNEL)))
            while True:
                self.listening = True
                await self._wait(connection)
                await self.read(connection)
        finally:
            await connection.close()

    Known._listen = listen  # type: ignore[method-assign]


def _ignore_epoch() -> None:
    """Versions count whatever history they belong to, and never go back."""
    covers, learn = Known.covers, Known.learn

    def covers_any(self: Known, _: Any, *rest: Any) -> bool:
        return self.epoch is not None and covers(self, self.epoch, *rest)

    def learn_newer(self: Known, relation: str, row: Any) -> None:
        if not (row and relation in self.relations and row[0] < self.relations[relation].version):
            learn(self, relation, row)

    def reset(self: Known, epoch: Any) -> None:
        self.epoch = epoch

    Known.covers, Known.learn, Known.reset = covers_any, learn_newer, reset  # type: ignore[method-assign,assignment]


def _delete_on_notify() -> None:
    """The usual way: what is cached of a relation is deleted when it changes, and everything on a reconnection."""
    _ignore_versions()
    services: list[service.Service] = []
    start, learn, listen = service.Service.start, Known.learn, Known._listen

    async def start_known(self: service.Service) -> None:
        services.append(self)
        await start(self)

    async def forget(shared: Shared, key: CacheKey) -> None:
        await shared._redis.delete(shared_name(key))

    def delete(relation: str | None) -> None:
        for one in services:
            paths = {e.path for e in one.endpoints if relation is None or relation in e.statement.relations}
            keys = [key for key in one.memory if key[0] in paths]
            for key in keys:
                one.memory.pop(key, None)
                if one.shared:
                    one._spawn(forget(one.shared, key))

    def learn_and_delete(self: Known, relation: str, row: Any) -> None:
        seen = self.relations.get(relation)
        if row and seen and row[0] != seen.version:
            delete(relation)
        learn(self, relation, row)

    async def listen_and_delete(self: Known, conninfo: str) -> None:
        delete(None)
        await listen(self, conninfo)

    service.Service.start = start_known  # type: ignore[method-assign]
    Known.learn, Known._listen = learn_and_delete, listen_and_delete  # type: ignore[method-assign]


BREAKS: dict[str, Callable[[], None]] = {
    "as it is": lambda: None,
    "as_of ignored": _ignore_versions,
    "LISTEN after reading": _read_before_listening,
    "epoch ignored": _ignore_epoch,
    "key deleted on NOTIFY": _delete_on_notify,
}


def load(_: str, *, way: str) -> ASGIApp:
    """The application, in the worker that serves it."""
    BREAKS[way]()
    return create_app(1)


if __name__ == "__main__":
    Granian("api", port=int(sys.argv[1]), interface=Interfaces.ASGI, websockets=False).serve(
        target_loader=partial(load, way=sys.argv[2])
    )
