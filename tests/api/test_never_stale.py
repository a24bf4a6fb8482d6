"""No answer is older than a refresh that its process was told of, whatever happens to the servers meanwhile.

Pairs of processes of the API share a cache: one pair as it is, and one for each way to break it, which must show. All
go through the same refreshes and faults. A probe is sent to all of them every few milliseconds: a process that has
received it was told of everything that was committed before.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from redis import Redis

from python_runner.api.declarations import read_endpoints
from python_runner.api.servers import EPOCH, _Bytes, question, read_row, version_of
from tests.api.broken import BREAKS
from tests.api.cluster import Cluster, api, cluster, valkey, wait_until
from tests.delta.conftest import Workshop
from tests.delta.market import WALLETS, Change, Market
from tests.delta.project import Project

ENDPOINTS = {endpoint.path: endpoint for endpoint in read_endpoints("public")}
GIVEN: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("/wallets/{address}", {"address": wallet}) for wallet in WALLETS),
    ("/wallets", {"prefix": "0x"}),
    ("/leaderboards/moments", {}),
    ("/leaderboards/value", {"by": "asp"}),
    ("/leaderboards/teams/{team}", {"team": "Lions"}),
    ("/leaderboards/tiers/{tier}", {"tier": "common"}),
    ("/editions", {}),
    ("/filters", {}),
)
LISTENERS = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'collectibles_api' and query not like '%answer%'
"""
WAITING = "select 1 from pg_locks where relation = 'delta.versions'::regclass and not granted"
INTERVAL_S = 0.01

Moment = tuple[int, int]  # time-line and version


class Asked:
    """What is asked: of the API, and of the primary to know the answer."""

    def __init__(self, path: str, given: dict[str, Any]) -> None:
        endpoint = ENDPOINTS[path]
        (relation,) = endpoint.statement.relations
        self.version = version_of(relation)
        self.statement = question(endpoint, endpoint.statement.text, [relation]).encode()
        self.values = {name: one.default for name, one in endpoint.parameters.items()} | given
        self.values["must_be_known"] = False
        query = {name: value for name, value in given.items() if f"{{{name}}}" not in path}
        self.url = "/v1" + path.format(**{name: quote(str(value)) for name, value in given.items()})
        self.url += f"?{urlencode(query)}" if query else ""


PATHS = [Asked(path, given) for path, given in GIVEN]


@dataclass
class History:
    """What each path showed at each version, and what each probe told."""

    cluster: Cluster
    states: dict[int, dict[Moment, bytes | None]] = field(default_factory=lambda: defaultdict(dict))
    probes: dict[int, list[Moment]] = field(default_factory=dict)
    over: bool = False

    def record(self) -> None:
        """The answers now, from the primary."""
        with psycopg.connect(self.cluster.urls[self.cluster.primary], options="-c timezone=UTC") as connection:
            connection.adapters.register_loader("json", _Bytes)
            for number, path in enumerate(PATHS):
                row = connection.execute(path.statement, path.values).fetchone()
                assert row
                _, epoch, (version, body) = read_row(row)
                versions = {moment[1] for moment in self.states[number] if moment[0] == epoch.timeline}
                assert version <= max(versions, default=version) + 1, "a version was not recorded"
                self.states[number][epoch.timeline, version] = body

    def probe(self) -> None:
        """Tell everyone, again and again, how far the primary is."""
        statement = f"select {', '.join([EPOCH, *(path.version for path in PATHS)])}".encode()
        while not self.over:
            try:
                with psycopg.connect(self.cluster.urls[self.cluster.primary], autocommit=True) as connection:
                    while not self.over:
                        row = connection.execute(statement).fetchone()
                        assert row
                        _, epoch, versions = read_row(row)
                        number = len(self.probes)
                        self.probes[number] = [(epoch.timeline, version) for version in versions]
                        connection.execute("select pg_notify('delta_refreshed', %s)", (f"probe {number}",))
                        sleep(INTERVAL_S)
            except psycopg.OperationalError:
                sleep(INTERVAL_S)

    def is_stale(self, number: int, told: int, body: bytes | None) -> bool:
        """Whether the answer is of no state that is as new as what the probe told."""
        timeline, version = self.probes[told][number]
        return body not in {
            state
            for moment, state in self.states[number].items()
            if moment[0] > timeline or (moment[0] == timeline and moment[1] >= version)
        }


@dataclass
class Reader:
    """Asks a process over and over, and notes what it was told before."""

    history: History
    port: int
    answers: Counter[tuple[int, int, bytes | None]] = field(default_factory=Counter)
    unavailable: int = 0
    failed: Counter[int] = field(default_factory=Counter)

    def run(self) -> None:
        told = None
        while not self.history.over:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                while not self.history.over:
                    _, body = self._get(connection, "/readyz")
                    kind, _, probe = json.loads(body)["last_notice"].partition(" ")
                    told = int(probe) if kind == "probe" else told
                    for _ in range(5 if told is not None else 0):
                        self._ask(connection, told or 0)
            except (OSError, http.client.HTTPException):
                self.unavailable += 1
            finally:
                connection.close()

    def _ask(self, connection: http.client.HTTPConnection, told: int) -> None:
        number = random.randrange(len(PATHS))
        status, body = self._get(connection, PATHS[number].url)
        if status in {200, 404}:
            self.answers[number, told, body if status == 200 else None] += 1
        elif status == 503:
            self.unavailable += 1
        else:
            self.failed[status] += 1

    @staticmethod
    def _get(connection: http.client.HTTPConnection, url: str) -> tuple[int, bytes]:
        connection.request("GET", url)
        response = connection.getresponse()
        return response.status, response.read()

    @property
    def stale(self) -> int:
        """How many answers are stale, now that all states are recorded."""
        return sum(count for answer, count in self.answers.items() if self.history.is_stale(*answer))


@dataclass
class Play:
    """A market that goes on while servers fail."""

    history: History
    project: Project
    market: Market
    redis: Redis
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def cluster(self) -> Cluster:
        return self.history.cluster

    def refresh(self, *models: str, **options: Any) -> None:
        """Let changes happen, load and build them."""
        self._trade()
        run = self.project.run(*models, **options)
        assert run.ok, run.errors
        self.history.record()

    def _trade(self) -> None:
        self.market.happen(self._change() for _ in range(4))
        with psycopg.connect(self.project.url, autocommit=True) as connection:
            self.market.load_all(connection)

    def _change(self) -> Change:
        moment, wallet = self.chance.randrange(1, 13), self.chance.choice(WALLETS)
        return self.chance.choice((
            ("transfer", moment, wallet),
            ("lock", moment, self.chance.random() < 0.5),
            ("price", f"ED{1 + moment % 4}", moment, self.chance.randrange(50)),
            ("rename", wallet, f"0x{self.chance.randrange(1000)}"),
        ))  # fmt: skip

    @contextmanager
    def cutting(self) -> Iterator[None]:
        """End sessions that listen, again and again."""
        done = threading.Event()

        def cut() -> None:
            while not done.wait(0.3):
                self.cluster.execute(f"{LISTENERS} and random() < 0.5")

        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            yield
        finally:
            done.set()
            cutter.join()

    def commit_during_a_reconnection(self) -> None:
        """A mart commits after a session that listens was lost and, in one of the ways, before it listens again."""
        self._trade()
        assert self.project.run("intermediate").ok
        with ThreadPoolExecutor(1) as thread, psycopg.connect(self.project.url) as holder:
            holder.execute("lock table delta.versions in share row exclusive mode")
            building = thread.submit(self.project.run, "wallet_summary_snapshot")
            wait_until(lambda: self.cluster.execute(WAITING))
            self.cluster.execute(LISTENERS)
            sleep(0.6)
            holder.rollback()
            assert building.result().ok
        sleep(1)
        assert self.project.run().ok
        self.history.record()

    def act(self) -> None:
        """Refreshes, and everything that can happen to a server."""
        self.refresh()
        self.cluster.execute("select pg_wal_replay_pause()", standby=True)
        self.refresh()
        self.redis.flushall()
        self.refresh()
        self.cluster.execute("select pg_wal_replay_resume()", standby=True)
        with self.cutting():
            self.refresh()
            self.refresh()
        self.commit_during_a_reconnection()
        self.commit_during_a_reconnection()
        self.cluster.kill(1)
        self.refresh(compact_share=0)
        self.cluster.start(1)
        self.refresh(full_refresh=True)
        self.lose_a_refresh()
        self.refresh()

    def lose_a_refresh(self) -> None:
        """Promote a standby that the last refresh has not reached."""
        self.cluster.kill(1)
        self.refresh()
        sleep(1)  # that everyone has read it
        self.cluster.kill(0)
        self.cluster.start(1)
        self.cluster.promote()
        self.project.url = self.cluster.urls[1]
        self.history.record()
        sleep(2)  # that everyone has come over


@pytest.mark.slow
def test_no_answer_is_older_than_what_its_process_was_told(workshop: Workshop, tmp_path: Path, opened: Market) -> None:
    del opened
    name = workshop.database.name
    with ExitStack() as stack:
        servers = stack.enter_context(cluster(tmp_path, name))
        market = Market()
        market.happen(("mint", moment, WALLETS[moment % 4], f"ED{1 + moment % 3}") for moment in range(1, 13))
        project = replace(workshop.project, url=servers.urls[0], folder=tmp_path / "dbt")
        project.folder.mkdir()
        project.prepare()
        with psycopg.connect(project.url) as connection:
            market.load_all(connection, whole=True)
        assert project.run().ok
        servers.copy()
        url = stack.enter_context(valkey())
        play = Play(History(servers), project, market, Redis.from_url(url))
        play.history.record()
        parts = [conninfo_to_dict(one) for one in servers.urls]
        both = make_conninfo(servers.urls[0], host=",".join(str(part["host"]) for part in parts))
        readers: dict[str, list[Reader]] = {}
        threads = [threading.Thread(target=play.history.probe)]
        for number, way in enumerate(BREAKS):
            environment = {
                "DATABASE_URL": both, "DATABASE_REPLICA_URL": servers.urls[1], "REDIS_URL": f"{url}/{number}",
                "API_POOL_MAX": "4",
            }  # fmt: skip
            ports = [stack.enter_context(api(way, **environment)) for _ in range(2)]
            readers[way] = [Reader(play.history, port) for port in ports]
            threads += [threading.Thread(target=reader.run) for reader in readers[way]]
        for thread in threads:
            thread.start()
        try:
            play.act()
        finally:
            play.history.over = True
            for thread in threads:
                thread.join()
    stale = {way: sum(reader.stale for reader in pair) for way, pair in readers.items()}
    for way, pair in readers.items():
        answers, unavailable = (
            sum(reader.answers.total() for reader in pair),
            sum(reader.unavailable for reader in pair),
        )
        sys.stdout.write(f"{way}: {answers} answers, {stale[way]} stale, {unavailable} unavailable\n")
    assert not any(reader.failed for pair in readers.values() for reader in pair)
    assert stale.pop("as it is") == 0
    assert all(stale.values()), stale
