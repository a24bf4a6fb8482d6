"""Answers: from memory, else from what is shared, else from a standby that is new enough, else from the primary."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from cachetools import LRUCache

from python_runner.api.cache import CacheKey, Entry, Shared, entry_of, memory
from python_runner.api.declarations import Endpoint, read_endpoints
from python_runner.api.metrics import Metrics
from python_runner.api.positions import RETRY_S, Known
from python_runner.api.servers import PRIMARY_LIMIT_S, Answer, Missing, Server, Standby, Unavailable, question
from python_runner.api.sql import render
from python_runner.settings import ApiSettings, PostgresSettings

STANDBY_LIMIT_S = 0.3
ATTEMPTS = 3
MAX_REQUESTS = 20_000

Result = TypeVar("Result")
Request = tuple[str, bytes]  # the path and the query as they came
Values = Mapping[str, Any]


class Service:
    """One process of the API."""

    def __init__(self, postgres: PostgresSettings, api: ApiSettings, *, workers: int = 1) -> None:
        self.endpoints = read_endpoints(postgres.dbt_pg_schema)
        self.known = Known(self.endpoints, postgres.dbt_pg_schema)
        self.metrics = Metrics()
        self.memory = memory()
        self.shared = Shared(api.redis_url.get_secret_value()) if api.redis_url else None
        replicas = api.replicas
        size = api.pool_size(workers)
        self.primary = Server("primary", postgres.conninfo, size, api.api_pool_min, standby=False)
        self.standbys = [
            Standby(f"standby_{number}", url, size, api.api_pool_min) for number, url in enumerate(replicas, 1)
        ]
        self._statements, self._live = {}, {}
        for endpoint in self.endpoints:
            text, relations = endpoint.statement.text, endpoint.statement.relations
            self._statements[endpoint.path] = question(endpoint, text, relations)
            if endpoint.while_missing:
                text = render(endpoint.while_missing, postgres.dbt_pg_schema).text
                self._live[endpoint.path] = question(endpoint, text, ())
        self._requests: LRUCache[Request, tuple[Endpoint, Values, CacheKey]] = LRUCache(MAX_REQUESTS)
        self._flights: dict[CacheKey, asyncio.Task[Entry]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Connect, and begin to listen. Servers that are away are waited for in the background."""
        self._spawn(self.known.follow(self.primary.conninfo))
        for server in (self.primary, *self.standbys):
            await server.pool.open(wait=False)
        for standby in self.standbys:
            self._spawn(standby.follow(self.known.relation_names))

    async def stop(self) -> None:
        """Close every connection."""
        for task in list(self._tasks):
            task.cancel()
        for server in (self.primary, *self.standbys):
            await server.pool.close()
        if self.shared:
            await self.shared.close()

    def cached(self, request: Request) -> tuple[Endpoint, Entry] | None:
        """The answer to a request that was made before, if it is in memory and shows every refresh that is known of."""
        asked = self._requests.get(request)
        if asked is None:
            return None
        endpoint, values, key = asked
        entry = self.memory.get(key)
        if entry is None or not self._is_fresh(endpoint, values, entry):
            return None
        return endpoint, entry

    async def answer(self, request: Request, endpoint: Endpoint, values: Values) -> Entry:
        """The answer, which shows every refresh that the process knew of when it was asked. Unavailable if none can."""
        key = (endpoint.path, *values.values())
        self._requests[request] = endpoint, values, key
        if found := self.cached(request):
            self.metrics.answers["memory"] += 1
            return found[1]
        for _ in range(ATTEMPTS):
            flight = self._flights.get(key)
            joined = flight is not None
            if flight is None:
                flight = self._flights[key] = asyncio.create_task(self._fill(key, endpoint, values))
                flight.add_done_callback(lambda _: self._flights.pop(key, None))
            entry = await asyncio.shield(flight)
            if not joined or self._covers(endpoint, values, entry):
                return entry
        raise Unavailable("refreshes follow each other too fast")

    def _covers(self, endpoint: Endpoint, values: Values, answer: Entry | Answer) -> bool:
        key = values[endpoint.key.parameter] if endpoint.key else None
        return self.known.covers(answer.epoch, endpoint.statement.relations, answer.versions, key)

    def _is_fresh(self, endpoint: Endpoint, values: Values, entry: Entry) -> bool:
        return self.known.listening and self._covers(endpoint, values, entry)

    async def _fill(self, key: CacheKey, endpoint: Endpoint, values: Values) -> Entry:
        if self.shared and self.known.listening:
            shared = await self.shared.get(key)
            if shared and self._is_fresh(endpoint, values, shared):
                self.metrics.answers["shared"] += 1
                self._keep(key, shared)
                return shared
        asked = dict(values) | {"must_be_known": endpoint.unknown and values.get("after") == _first(endpoint)}
        try:
            answer = await self._ask(endpoint, asked)
        except Missing as error:
            error.command = endpoint.build_command
            if endpoint.path not in self._live:
                raise
            self.metrics.answers["live"] += 1
            return entry_of(await self._ask_primary(self._live[endpoint.path], asked), ttl=0)
        entry = entry_of(answer, endpoint.ttl)
        if None not in entry.versions:
            self._keep(key, entry)
            if self.shared:
                self._spawn(self.shared.put(key, entry))
        return entry

    def _keep(self, key: CacheKey, entry: Entry) -> None:
        with suppress(ValueError):  # it is larger than the cache
            self.memory[key] = entry

    async def _ask(self, endpoint: Endpoint, values: Values) -> Answer:
        statement = self._statements[endpoint.path]
        for standby in self.standbys:
            seen = standby.at(endpoint.statement.relations)
            if seen and self._covers(endpoint, values, seen):
                answer = await standby.ask_within(STANDBY_LIMIT_S, statement, values)
                if answer and self._covers(endpoint, values, answer):
                    self.metrics.answers[standby.name] += 1
                    return answer
                self.metrics.answers["fallbacks"] += 1
        self.metrics.answers["primary"] += 1
        return await self._ask_primary(statement, values)

    async def _ask_primary(self, statement: str, values: Values) -> Answer:
        """An answer of the time-line that is listened to, and not of a server that was the primary before."""
        for _ in range(ATTEMPTS):
            async with asyncio.timeout(PRIMARY_LIMIT_S):
                answer = await self.primary.ask(statement, values)
            if self.known.epoch in {None, answer.epoch}:
                return answer
            await self.primary.pool.drain()
            await asyncio.sleep(RETRY_S)
        raise Unavailable("the primary is being replaced")

    def gauges(self) -> dict[str, float]:
        """What is now, for the metrics."""
        pools = {f"{server.name}_connections": server.size for server in (self.primary, *self.standbys)}
        lags = {f"{standby.name}_usable": standby.seen is not None for standby in self.standbys}
        now = {"listening": self.known.listening, "notices_total": self.known.notices}
        kept = {"cache_entries": len(self.memory), "cache_bytes": self.memory.currsize}
        return {name: float(value) for name, value in (pools | lags | now | kept).items()}

    def _spawn(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _first(endpoint: Endpoint) -> Any:
    return endpoint.parameters["after"].default if endpoint.answer == "page" else None
