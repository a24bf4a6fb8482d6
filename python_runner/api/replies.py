"""Entries as responses, and a short way to those in memory: before routing, with headers that are made once."""

from __future__ import annotations

from time import perf_counter

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from python_runner.api.cache import Entry
from python_runner.api.service import Service

HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
COMMON = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
COMMON += ((b"content-type", b"application/json"), (b"vary", b"Accept-Encoding"))
REVALIDATED = (*COMMON, (b"cache-control", b"public, max-age=0, must-revalidate"))
UNCACHED = (*COMMON, (b"cache-control", b"no-store"))
COMPRESSED = (b"content-encoding", b"gzip")


class Reply(Response):
    """An entry, compressed for a client that accepts it; nothing but headers for one that has it."""

    def __init__(self, entry: Entry, scope: Scope) -> None:
        self.status_code, self.body, self.background = 200, entry.body or b"", None
        self.raw_headers = [*(UNCACHED if entry.live else REVALIDATED), (b"etag", entry.etag)]
        asked = dict(scope["headers"])
        if entry.etag in [tag.strip() for tag in asked.get(b"if-none-match", b"").split(b",")]:
            self.status_code, self.body = 304, b""
            return
        if b"gzip" in asked.get(b"accept-encoding", b"") and (packed := entry.compressed()):
            self.body = packed
            self.raw_headers.append(COMPRESSED)
        self.raw_headers.append((b"content-length", b"%d" % len(self.body)))


class Hits:
    """Answers what is in memory; anything else is routed."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        begin = perf_counter()
        found = scope["type"] == "http" and scope["method"] == "GET"
        found = found and self.service.cached((scope["path"], scope["query_string"]))
        if not found or found[1].body is None:
            await self.app(scope, receive, send)
            return
        endpoint, entry = found
        reply = Reply(entry, scope)
        self.service.metrics.answers["memory"] += 1
        self.service.metrics.count(endpoint.path, reply.status_code, perf_counter() - begin)
        await reply(scope, receive, send)
