"""Answers: from memory, else from what is shared, else from a standby that is new enough, else from the primary."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar

from python_runner.api.cache import Entry, Memory, Shared, entry_of
from python_runner.api.declarations import Endpoint, read_endpoints
from python_runner.api.metrics import Metrics
from python_runner.api.positions import RETRY_S, Known
from python_runner.api.servers import PRIMARY_LIMIT_S, Answer, Missing, Server, Standby, Unavailable, question
from python_runner.api.sql import render
from python_runner.settings import ApiSettings, PostgresSettings

STANDBY_LIMIT_S = 0.3
ATTEMPTS = 3

Result = TypeVar("Result")


class Question(NamedTuple):
    """An endpoint as it is asked: its statement, and the one for while its table is missing."""

    endpoint: Endpoint
    statement: str
    relations: tuple[str, ...]
    while_missing: str | None


class Service:
    """One process of the API."""

    def __init__(self, postgres: PostgresSettings, api: ApiSettings, *, workers: int = 1) -> None:
        self.endpoints = read_endpoints(postgres.dbt_pg_schema)
        self.known = Known(self.endpoints, postgres.dbt_pg_schema)
        self.metrics = Metrics()
        self.memory = Memory()
        self.shared = Shared(api.redis_url.get_secret_value()) if api.redis_url else None
        replicas = api.replicas
        size = api.pool_size(workers)
        self.primary = Server("primary", postgres.conninfo, size, api.api_pool_min, standby=False)
        self.standbys = [
            Standby(f"standby_{number}", url, size, api.api_pool_min) for number, url in enumerate(replicas, 1)
        ]
        self.questions = {
            endpoint.path: self._question(endpoint, postgres.dbt_pg_schema) for endpoint in self.endpoints
        }
        self._flights: dict[str, asyncio.Task[Entry]] = {}
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

    async def answer(self, endpoint: Endpoint, values: Mapping[str, Any]) -> Entry:
        """The answer, which shows every refresh that the process knew of when it was asked. Unavailable if none can."""
        key = f"{endpoint.path} {json.dumps(list(values.values()))}"
        entry = self.memory.get(key)
        if entry is not None and self._is_fresh(endpoint, values, entry):
            self.metrics.answers["memory"] += 1
            return entry
        for _ in range(ATTEMPTS):
            joined = key in self._flights
            if not joined:
                self._flights[key] = self._spawn(self._fill(key, endpoint, values))
                self._flights[key].add_done_callback(lambda _: self._flights.pop(key, None))
            entry = await asyncio.shield(self._flights[key])
            if not joined or self._covers(endpoint, values, entry):
                return entry
        raise Unavailable("refreshes follow each other too fast")

    def _covers(self, endpoint: Endpoint, values: Mapping[str, Any], answer: Entry | Answer) -> bool:
        key = values[endpoint.key.parameter] if endpoint.key else None
        return self.known.covers(answer.epoch, endpoint.statement.relations, answer.versions, key)

    def _is_fresh(self, endpoint: Endpoint, values: Mapping[str, Any], entry: Entry) -> bool:
        return self.known.listening and self._covers(endpoint, values, entry)

    async def _fill(self, key: str, endpoint: Endpoint, values: Mapping[str, Any]) -> Entry:
        if self.shared and self.known.listening:
            shared = await self.shared.get(key)
            if shared and self._is_fresh(endpoint, values, shared):
                self.metrics.answers["shared"] += 1
                self.memory.put(key, shared)
                return shared
        question = self.questions[endpoint.path]
        asked = dict(values) | {"must_be_known": endpoint.unknown and values.get("after") == _first(endpoint)}
        try:
            answer = await self._ask(question, asked)
        except Missing as error:
            error.command = endpoint.build_command
            if not question.while_missing:
                raise
            self.metrics.answers["live"] += 1
            return entry_of(await self._ask_primary(question.while_missing, asked), ttl=0)
        entry = entry_of(answer, endpoint.ttl)
        if None not in entry.versions:
            self.memory.put(key, entry)
            if self.shared:
                self._spawn(self.shared.put(key, entry))
        return entry

    async def _ask(self, question: Question, values: Mapping[str, Any]) -> Answer:
        endpoint = question.endpoint
        for standby in self.standbys:
            seen = standby.at(question.relations)
            if seen and self._covers(endpoint, values, seen):
                answer = await standby.ask_within(STANDBY_LIMIT_S, question.statement, values)
                if answer and self._covers(endpoint, values, answer):
                    self.metrics.answers[standby.name] += 1
                    return answer
                self.metrics.answers["fallbacks"] += 1
        self.metrics.answers["primary"] += 1
        return await self._ask_primary(question.statement, values)

    async def _ask_primary(self, statement: str, values: Mapping[str, Any]) -> Answer:
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
        kept = {"cache_entries": len(self.memory.entries), "cache_bytes": self.memory.bytes}
        return {name: float(value) for name, value in (pools | lags | now | kept).items()}

    def _question(self, endpoint: Endpoint, schema: str) -> Question:
        relations = endpoint.statement.relations
        live = question(endpoint, render(endpoint.while_missing, schema).text, ()) if endpoint.while_missing else None
        return Question(endpoint, question(endpoint, endpoint.statement.text, relations), relations, live)

    def _spawn(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _first(endpoint: Endpoint) -> Any:
    return endpoint.parameters["after"].default if endpoint.answer == "page" else None
