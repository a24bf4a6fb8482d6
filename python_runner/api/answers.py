"""The endpoints as an ASGI application: requests to answers, with headers that are made once."""

from __future__ import annotations

import logging
from time import perf_counter
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from python_runner.api.cache import Entry
from python_runner.api.declarations import Endpoint, Refused
from python_runner.api.servers import Missing, Unavailable
from python_runner.api.service import Service

HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
NO_STORE = HEADERS | {"cache-control": "no-store"}
COMMON = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
COMMON += ((b"content-type", b"application/json"), (b"vary", b"Accept-Encoding"))
REVALIDATED = (*COMMON, (b"cache-control", b"public, max-age=0, must-revalidate"))
UNCACHED = (*COMMON, (b"cache-control", b"no-store"))
COMPRESSED = (b"content-encoding", b"gzip")
METHODS = ("GET", "HEAD")
RETRY_AFTER = {"retry-after": "1"}
UNAVAILABLE = 503
FAILED = "the server has failed: its log says why"

log = logging.getLogger(__name__)


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


def refusal(status: int, message: str, **more: str) -> Response:
    """Why there is no answer."""
    headers = NO_STORE | RETRY_AFTER if status == UNAVAILABLE else NO_STORE
    return JSONResponse({"error": message, **more}, status, headers=headers)


class Answers:
    """Answers the endpoints itself, which takes half of what a framework's routing takes, and hands on the rest."""

    def __init__(self, others: ASGIApp, service: Service, prefix: str) -> None:
        self._others, self._service, self._prefix = others, service, prefix
        self._paths = [(compile_path(prefix + endpoint.path)[0], endpoint) for endpoint in service.endpoints]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        begin = perf_counter()
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._others(scope, receive, send)
            return
        found = scope["method"] in METHODS and self._service.cached((scope["path"], scope["query_string"]))
        if found and found[1].body is not None:
            endpoint, entry = found
            self._service.metrics.answers["memory"] += 1
            reply: Response = Reply(entry, scope)
        else:
            for path, endpoint in self._paths:
                if match := path.match(scope["path"]):
                    reply = await self._reply(endpoint, match.groupdict(), scope)
                    break
            else:
                await self._others(scope, receive, send)
                return
        self._service.metrics.count(endpoint.path, reply.status_code, perf_counter() - begin)
        if scope["method"] == "HEAD":
            reply.body = b""
        await reply(scope, receive, send)

    async def _reply(self, endpoint: Endpoint, names: dict[str, str], scope: Scope) -> Response:
        if scope["method"] not in METHODS:
            refused = refusal(405, f"{scope['method']} is not possible: use GET")
            refused.headers["allow"] = ", ".join(METHODS)
            return refused
        asked = scope["path"], scope["query_string"]
        try:
            query = parse_qsl(asked[1].decode(), keep_blank_values=True, errors="strict")
            entry = await self._service.answer(asked, endpoint, endpoint.read(names, query))
        except (Refused, UnicodeDecodeError, Unavailable) as error:
            return _because(error)
        except Exception:
            log.exception("%s has failed", scope["path"])
            return refusal(500, FAILED)
        if entry.body is None:
            return refusal(404, f"nothing is known of {', '.join(names.values()) or 'this'}")
        return Reply(entry, scope)


def _because(error: Refused | UnicodeDecodeError | Unavailable) -> Response:
    match error:
        case Refused():
            return refusal(422, str(error), parameter=error.parameter)
        case UnicodeDecodeError():
            return refusal(422, "the query is not UTF-8")
        case Missing():
            return refusal(UNAVAILABLE, str(error), run=error.command)
    return refusal(UNAVAILABLE, str(error))
