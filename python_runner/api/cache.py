"""Answers in memory, bounded by bytes, and on a Redis or Valkey server that the processes share.

An entry is served only if `Known.covers` its versions, wherever it came from.
"""

from __future__ import annotations

import gzip
import struct
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic

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
HEADER = struct.Struct(">16sqIII?B")
PREFIX = "runner:1:"


@dataclass(frozen=True)
class Entry:
    """An answer with its versions; no body means that there is none, which is an answer too."""

    epoch: Epoch
    versions: tuple[int | None, ...]
    body: bytes | None
    until: float
    live: bool = False
    etag: str = field(init=False)
    packed: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        body = self.body or b""
        object.__setattr__(self, "etag", f'W/"{blake2b(body, digest_size=8).hexdigest()}"')
        packed = gzip.compress(body, compresslevel=6, mtime=0) if len(body) >= COMPRESSED_FROM else None
        object.__setattr__(self, "packed", packed)

    @property
    def size(self) -> int:
        """What it takes in memory."""
        return len(self.body or b"") + len(self.packed or b"") + OVERHEAD_BYTES


def entry_of(answer: Answer, ttl: float) -> Entry:
    """An answer, to be kept for so many seconds at most; for none if it is a live one."""
    return Entry(answer.epoch, answer.versions, answer.body, monotonic() + ttl, live=not ttl)


class Memory:
    """The entries that were used last."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.bytes = 0
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self._limit = limit

    def get(self, key: str) -> Entry | None:
        """The entry, unless its time is over."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.until < monotonic():
            self.drop(key)
            return None
        self.entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of those that were used least recently."""
        self.drop(key)
        self.entries[key] = entry
        self.bytes += entry.size
        while self.bytes > self._limit:
            self.drop(next(iter(self.entries)))

    def drop(self, key: str) -> None:
        """Forget an entry."""
        if entry := self.entries.pop(key, None):
            self.bytes -= entry.size


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

    async def get(self, key: str) -> Entry | None:
        """The entry, if the server has one that belongs to this key and is whole."""
        if monotonic() < self._paused_until:
            return None
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(PREFIX + key)
                pipeline.pttl(PREFIX + key)
                value, left_ms = await pipeline.execute()
        except (RedisError, OSError, TimeoutError):
            self._paused_until = monotonic() + SHARED_PAUSE_S
            return None
        return unpack(key, value, left_ms / 1000) if isinstance(value, bytes) else None

    async def put(self, key: str, entry: Entry) -> None:
        """Share an entry."""
        left_ms = int((entry.until - monotonic()) * 1000)
        if left_ms > 0 and monotonic() >= self._paused_until:
            try:
                await self._redis.set(PREFIX + key, pack(key, entry), px=left_ms)
            except (RedisError, OSError, TimeoutError):
                self._paused_until = monotonic() + SHARED_PAUSE_S

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def pack(key: str, entry: Entry) -> bytes:
    """Epoch, versions and body, behind a digest of them and of the key."""
    count = len(entry.versions)
    header = HEADER.pack(b"", *entry.epoch, entry.body is not None, count)[16:]
    rest = header + struct.pack(f">{count}q", *entry.versions) + (entry.body or b"")
    return _digest(key, rest) + rest


def unpack(key: str, value: bytes, ttl: float) -> Entry | None:
    """The entry, or None if the value is damaged or belongs to another key."""
    if len(value) < HEADER.size or value[:16] != _digest(key, value[16:]):
        return None
    _, *epoch, has_body, count = HEADER.unpack_from(value)
    body = value[HEADER.size + 8 * count :]
    versions = struct.unpack_from(f">{count}q", value, HEADER.size)
    return Entry(Epoch(*epoch), versions, body if has_body else None, monotonic() + ttl)


def _digest(key: str, rest: bytes) -> bytes:
    return blake2b(key.encode() + b"\0" + rest, digest_size=16).digest()
