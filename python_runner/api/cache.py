"""Answers in memory, bounded by bytes, and on a Redis or Valkey server that the processes share.

An entry is served only if `Known.covers` its versions, wherever it came from.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic

from cachetools import TLRUCache
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from python_runner.api.servers import Answer, Epoch

MAX_BYTES = 64 * 2**20
OVERHEAD_BYTES = 500
COMPRESSED_FROM = 1_000
SHARED_TIMEOUT_S = 0.05
SHARED_PAUSE_S = 1.0
DIGEST_BYTES = 16
PREFIX = "runner:2:"

CacheKey = tuple[str | int | None, ...]  # the path of the endpoint, and the values of its parameters in their order


@dataclass(slots=True)
class Entry:
    """An answer with its versions; no body means that there is none, which is an answer too."""

    epoch: Epoch
    versions: tuple[int | None, ...]
    body: bytes | None
    until: float
    live: bool = False
    etag: bytes = field(init=False)
    packed: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        self.etag = b'W/"%s"' % blake2b(self.body or b"", digest_size=8).hexdigest().encode()

    def compressed(self) -> bytes:
        """The body for a client that accepts gzip, made when one first asks; nothing for a short one."""
        if not self.packed and self.body and len(self.body) >= COMPRESSED_FROM:
            self.packed = gzip.compress(self.body, compresslevel=6, mtime=0)
        return self.packed

    @property
    def size(self) -> int:
        """What it takes in memory at most, both forms of the body included."""
        return 2 * len(self.body or b"") + OVERHEAD_BYTES


def entry_of(answer: Answer, ttl: float) -> Entry:
    """An answer, to be kept for so many seconds at most; for none if it is a live one."""
    return Entry(answer.epoch, answer.versions, answer.body, monotonic() + ttl, live=not ttl)


def memory(limit: int = MAX_BYTES) -> TLRUCache[CacheKey, Entry]:
    """The entries that were used last, each until its time is over."""
    return TLRUCache(limit, lambda _key, entry, _now: entry.until, timer=monotonic, getsizeof=lambda entry: entry.size)


class Shared:
    """The second level. It is never required: an error costs 50 ms, and then it is not asked for a second."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=SHARED_TIMEOUT_S,
            socket_connect_timeout=SHARED_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._paused_until = 0.0

    async def get(self, key: CacheKey) -> Entry | None:
        """The entry, if the server has one that belongs to this key and is whole."""
        if monotonic() < self._paused_until:
            return None
        name = shared_name(key)
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(name)
                pipeline.pttl(name)
                value, left_ms = await pipeline.execute()
        except (RedisError, OSError, TimeoutError):
            self._paused_until = monotonic() + SHARED_PAUSE_S
            return None
        return unpack(name, value, left_ms / 1000) if isinstance(value, bytes) else None

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Share an entry."""
        name, left_ms = shared_name(key), int((entry.until - monotonic()) * 1000)
        if left_ms > 0 and monotonic() >= self._paused_until:
            try:
                await self._redis.set(name, pack(name, entry), px=left_ms)
            except (RedisError, OSError, TimeoutError):
                self._paused_until = monotonic() + SHARED_PAUSE_S

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def shared_name(key: CacheKey) -> str:
    """The name under which an entry is shared."""
    return PREFIX + json.dumps(key)


def pack(key: str, entry: Entry) -> bytes:
    """Epoch and versions, a line, and the body, behind a digest of them and of the key."""
    rest = json.dumps([entry.epoch, entry.versions, entry.body is not None]).encode() + b"\n" + (entry.body or b"")
    return _digest(key, rest) + rest


def unpack(key: str, value: bytes, ttl: float) -> Entry | None:
    """The entry, or None if the value is damaged or belongs to another key."""
    digest, rest = value[:DIGEST_BYTES], value[DIGEST_BYTES:]
    if digest != _digest(key, rest):
        return None
    line, _, body = rest.partition(b"\n")
    epoch, versions, has_body = json.loads(line)
    return Entry(Epoch(*epoch), tuple(versions), body if has_body else None, monotonic() + ttl)


def _digest(key: str, rest: bytes) -> bytes:
    return blake2b(key.encode() + b"\0" + rest, digest_size=DIGEST_BYTES).digest()
