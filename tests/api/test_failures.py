"""What stands between the API and its servers may stall, restart, lie or keep secrets badly: the answers stay right."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from redis import Redis

from python_runner.api.cache import PREFIX, Entry, memory, pack, unpack
from python_runner.api.servers import Answer, Epoch
from python_runner.api.service import Service
from python_runner.settings import ApiSettings, PostgresSettings
from tests.api.cluster import valkey, wait_until
from tests.api.conftest import READER, Site, application
from tests.api.test_freshness import asks_the_primary, count, wait_for_versions
from tests.conftest import Database
from tests.runner.test_pools import pooled

__all__ = ["pooled"]

pytestmark = pytest.mark.database

EPOCH = Epoch(1, 2, 3, 4, 5)
ROW = "/v1/wallets/0xa"


@pytest.fixture
def database(site: Site) -> Database:
    """The database of the site, for the pooler."""
    return Database(site.project.url)


def again(site: Site, url: str, **settings: str) -> Iterator[Site]:
    """A process of the API of its own."""
    with application(url, **settings) as client:
        other = Site(site.project, site.market, url, client)
        wait_until(lambda: client.get("/readyz").status_code == 200)
        wait_for_versions(other)
        yield other


@pytest.fixture
def behind_a_pooler(site: Site, pooled: Database) -> Iterator[Site]:
    yield from again(site, make_conninfo(pooled.url, user=READER))


@pytest.fixture
def cache() -> Iterator[Redis]:
    with valkey() as url:
        yield Redis.from_url(url)


def address(cache: Redis) -> str:
    return f"redis://127.0.0.1:{cache.connection_pool.connection_kwargs['port']}"


def test_the_cache_keeps_within_its_bytes() -> None:
    kept = memory(10_000)
    for number in range(100):
        kept[(number,)] = Entry(EPOCH, (1,), bytes(500), until=float("inf"))
        assert kept.currsize <= 10_000
    assert 1 < len(kept) < 100
    assert (99,) in kept
    assert (0,) not in kept


def test_a_shared_value_is_taken_only_whole_and_under_its_key() -> None:
    entry = Entry(EPOCH, (7, 8), b'{"a": "\n"}', until=float("inf"))
    value = pack("one", entry)
    found = unpack("one", value, 60)
    assert found
    assert (found.epoch, found.versions, found.body) == (entry.epoch, entry.versions, entry.body)
    assert unpack("other", value, 60) is None
    assert all(unpack("one", value[:length], 60) is None for length in range(len(value)))
    assert all(unpack("one", value[:at] + b"?" + value[at + 1 :], 60) is None for at in range(len(value)))


def test_a_shared_cache_that_lies_is_not_believed(site: Site, cache: Redis) -> None:
    wait_for_versions(site)
    rows = {wallet: site.get(f"/v1/wallets/{wallet}") for wallet in ("0xa", "0xb")}
    for one in again(site, site.url, redis_url=address(cache)):
        for wallet in rows:
            one.get(f"/v1/wallets/{wallet}")
        wait_until(lambda: cache.dbsize() == 2)
    keys: list[Any] = sorted(cache.keys(f"{PREFIX}*"))
    honest: list[Any] = [cache.get(key) for key in keys]
    for lies in (
        reversed(honest),
        [value[:-1] for value in honest],
        [value.replace(b"Ada", b"Eve") + b" " for value in honest],
        [b"", b"\0" * 300],
    ):
        for key, lie in zip(keys, lies, strict=True):
            cache.set(key, lie, px=60_000)
        for other in again(site, site.url, redis_url=address(cache)):
            assert {wallet: other.get(f"/v1/wallets/{wallet}") for wallet in rows} == rows
            assert count(other, "shared") == 0
    for key, value in zip(keys, honest, strict=True):
        cache.set(key, value, px=60_000)
    for other in again(site, site.url, redis_url=address(cache)):
        assert {wallet: other.get(f"/v1/wallets/{wallet}") for wallet in rows} == rows
        assert count(other, "shared") == 2


def test_a_shared_cache_may_be_flushed_or_die(site: Site, cache: Redis) -> None:
    wait_for_versions(site)
    rows = {wallet: site.get(f"/v1/wallets/{wallet}") for wallet in ("0xa", "0xb", "0xc")}
    for one in again(site, site.url, redis_url=address(cache)):
        assert one.get("/v1/wallets/0xa") == rows["0xa"]
        cache.flushall()
        assert one.get("/v1/wallets/0xb") == rows["0xb"]
        cache.shutdown(nosave=True)
        assert one.get("/v1/wallets/0xc") == rows["0xc"]
        assert one.get("/v1/wallets/0xa") == rows["0xa"]


@pytest.mark.parametrize("pooled", ["ignore_startup_parameters = options"], indirect=True)
def test_behind_a_pooler_of_transactions_it_answers_and_notices_refreshes(behind_a_pooler: Site) -> None:
    """Without prepared statements, and by the heartbeat alone: notifications do not arrive."""
    site = behind_a_pooler
    # Sessions of the driver prepare statements of one name, and the pooler lends them two of the server's.
    paths = [
        f"/v1/{path}?limit={limit}"
        for limit in range(1, 41)
        for path in ("wallets/0xa/moments", "leaderboards/moments", "editions")
    ]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(site.get, paths))
    before = site.get(ROW)["moments_total"]
    site.trade(("transfer", 9, "0xa"), ("transfer", 10, "0xa"), ("transfer", 11, "0xb"))
    wait_for_versions(site)
    with psycopg.connect(site.project.url) as connection:
        query = "select moments_total from wallet_summary_snapshot where wallet_address = '0xa'"
        (now,) = connection.execute(query).fetchone() or (None,)
    assert now != before
    assert site.get(ROW)["moments_total"] == now
    assert not asks_the_primary(site, ROW)


def test_nobody_reads_the_password(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    secret = "hunter2"
    caplog.set_level(logging.DEBUG)
    parts = conninfo_to_dict(site.url)
    urls = {
        "here": make_conninfo(site.url, password=secret),
        "away": f"postgresql://{parts['user']}:{secret}@127.0.0.1:1/none",
    }
    for url in urls.values():
        with application(
            url, redis_url=f"redis://:{secret}@127.0.0.1:1/0", database_replica_url=urls["away"]
        ) as client:
            for path in (ROW, "/v1/wallets?prefix=%00", "/v1/nothing", "/readyz", "/metrics", "/openapi.json", "/docs"):
                response = client.get(path)
                assert secret not in response.text
                assert secret not in str(response.headers)
    assert secret not in caplog.text


def test_a_restart_of_the_primary_heals(site: Site) -> None:
    """Every session is lost at once, as when the server restarts."""
    wait_for_versions(site)
    row = site.get(ROW)
    with psycopg.connect(site.project.url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'collectibles_api' and datname = current_database()"
        )
    for limit in range(61, 71):  # which are not cached
        assert site.get(f"{ROW}/moments?limit={limit}")
    assert site.get(ROW) == row
    wait_until(lambda: site.client.get("/readyz").status_code == 200)
    wait_for_versions(site)
    wait_until(lambda: not asks_the_primary(site, ROW))


def test_every_counter_is_in_the_format_that_prometheus_reads(site: Site) -> None:
    site.get(ROW)
    for line in site.client.get("/metrics").text.splitlines():
        assert re.fullmatch(r'# TYPE \w+ (counter|gauge)|\w+\{\w+="[^"]*"(,\w+="[^"]*")*\} [-+.e\d]+', line), line


def test_a_standby_that_stalls_is_waited_for_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has shown that it is new enough, and then answers nothing."""

    async def stall(*_: Any) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> tuple[int, int, Any]:
        postgres = PostgresSettings(database_url=site.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        settings = ApiSettings(database_replica_url=site.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        service = Service(postgres, settings)
        (standby,) = service.standbys
        monkeypatch.setattr(standby, "ask", stall)
        await service.start()
        try:
            async with asyncio.timeout(30):
                while not service.known.listening:
                    await asyncio.sleep(0)
            known = {relation: seen.version for relation, seen in service.known.relations.items()}
            assert service.known.epoch
            standby.seen = service.known.epoch, dict(known)
            (endpoint,) = (one for one in service.endpoints if one.path == "/wallets/{address}")
            for wallet in ("0xa", "0xb", "0xc"):
                entry = await service.answer((wallet, b""), endpoint, {"address": wallet})
                assert entry.body
            return service.metrics.answers["fallbacks"], service.metrics.answers["primary"], standby.seen
        finally:
            await service.stop()

    assert asyncio.run(ask()) == (1, 3, None)
