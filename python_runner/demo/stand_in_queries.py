"""The statements of the stand-in, answered as Snowflake does: the first rows at once, the others in chunks with URLs.

Results are kept by query id, so that a chunk can be fetched again, also from another session. Unlike Snowflake's, the
chunks are not compressed.
"""

from __future__ import annotations

import asyncio
import gzip
import hmac
import importlib
import json
import os
import secrets
import uuid
from collections import OrderedDict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from python_runner.demo.stand_in_results import Spooled

server: Any = importlib.import_module("fakesnow.server")  # the package has a function of this name

KEPT, KEPT_BYTES = 64, 2 << 30
PATIENCE_S = float(os.environ.get("STAND_IN_PATIENCE_S", "30"))  # a statement that takes longer is asked for again
OK = 200


class Responses(OrderedDict[str, dict[str, Any]]):
    """The last responses by query id, and what is spooled of them."""

    def __init__(self) -> None:
        super().__init__()
        self._spooled: dict[str, Spooled] = {}
        self._secret = secrets.token_bytes(32)
        self.headers = {"x-amz-server-side-encryption-customer-key": secrets.token_urlsafe(32)}

    def keep(self, query_id: str, response: dict[str, Any], spooled: Spooled | None) -> None:
        """Keep a response, and forget the oldest ones."""
        self[query_id] = response
        if spooled:
            self._spooled[query_id] = spooled
        while len(self) > KEPT or (len(self) > 1 and sum(one.bytes for one in self._spooled.values()) > KEPT_BYTES):
            oldest, _ = self.popitem(last=False)
            if forgotten := self._spooled.pop(oldest, None):
                forgotten.remove()

    def with_urls(self, query_id: str, address: str) -> dict[str, Any]:
        """The response, with the URLs of its chunks. KeyError if it is not kept."""
        response, spooled = self[query_id], self._spooled.get(query_id)
        if spooled is None:
            return response
        chunks = [
            {
                "url": f"{address}/chunks/{query_id}/{number}?key={self._key(query_id, number)}",
                "rowCount": count,
                "uncompressedSize": spooled.sizes[number],
                "compressedSize": spooled.sizes[number],
            }
            for number, count in enumerate(spooled.counts)
        ]
        return response | {"data": response["data"] | {"chunks": chunks, "chunkHeaders": self.headers}}

    def chunk(self, query_id: str, number: int, key: str) -> Spooled | None:
        """The result with this chunk, if the key of the URL is right."""
        return self._spooled.get(query_id) if hmac.compare_digest(key, self._key(query_id, number)) else None

    def _key(self, query_id: str, number: int) -> str:
        return hmac.digest(self._secret, f"{query_id}/{number}".encode(), "sha256").hex()


class Queries:
    """The requests that run a statement, and that fetch its status, its result and the chunks of it."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self._responses = Responses()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._late: dict[str, asyncio.Task[Response]] = {}

    async def request(self, request: Request) -> Response:
        """Run a statement, or start it."""
        body = await read_body(request)
        session = server.sessions.get(request.headers.get("Authorization", "")[17:-1])
        if session is None:
            refusal: Response = await server.query_request(request)
            return refusal
        if json.loads(body).get("asyncExec"):
            return self._start(request, body, session)
        return await self._in_time(str(uuid.uuid4()), asyncio.create_task(self._answer(request, session)))

    async def _answer(self, request: Request, session: Any) -> Response:
        async with session.lock:
            response: Response = await server.query_request(request)
        answer = json.loads(bytes(response.body))
        if response.status_code != OK or "queryId" not in (answer["data"] or {}):
            return response
        return JSONResponse(self._keep(answer["data"]["queryId"], answer, _address(request)))

    async def _in_time(self, query_id: str, task: asyncio.Task[Response]) -> Response:
        """The answer, or where to ask for it: what is not answered in a minute is sent again by the connector."""
        await asyncio.wait({task}, timeout=PATIENCE_S)
        if task.done():
            return task.result()
        self._late[query_id] = task
        data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result"}
        return JSONResponse({"data": data, "code": "333333", "message": None, "success": True})

    async def result(self, request: Request) -> Response:
        """The result of a statement, once it has ended."""
        query_id = request.path_params["query_id"]
        if late := self._late.pop(query_id, None):
            return await self._in_time(query_id, late)
        if task := self._running.get(query_id):
            await task
        try:
            return JSONResponse(self._responses.with_urls(query_id, _address(request)))
        except KeyError:
            message = f"Result for query {query_id} has expired"
            return JSONResponse({"data": {}, "code": "000710", "message": message, "success": False})

    def status(self, request: Request) -> Response:
        """Whether a statement runs, has ended or has failed."""
        query_id = request.path_params["query_id"]
        answer = self._responses.get(query_id)
        status = "SUCCESS" if answer and answer["success"] else "FAILED_WITH_ERROR" if answer else "RUNNING"
        known = answer or query_id in self._running
        return JSONResponse({"data": {"queries": [{"status": status}] if known else []}, "success": True})

    def chunk(self, request: Request) -> Response:
        """A chunk. The key in its URL and the headers of the result are needed."""
        query_id, number = request.path_params["query_id"], request.path_params["number"]
        spooled = self._responses.chunk(query_id, number, request.query_params["key"])
        if spooled is None or any(request.headers.get(name) != v for name, v in self._responses.headers.items()):
            return Response("Forbidden", status_code=403)
        return Response(server.to_ipc(server.to_sf(spooled.read(number), spooled.rowtype)).to_pybytes())

    def _start(self, request: Request, body: bytes, session: Any) -> Response:
        query_id = str(uuid.uuid4())
        self._running[query_id] = asyncio.create_task(self._run(request, body, query_id, session))
        data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result"}
        return JSONResponse({"data": data, "code": "333334", "message": None, "success": True})

    async def _run(self, request: Request, body: bytes, query_id: str, session: Any) -> None:
        """Run the statement beside its session, in one like it."""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        server.sessions[query_id] = self._served.connect(session.database, session.schema)
        headers = [(b"authorization", f'Snowflake Token="{query_id}"'.encode())]
        try:
            response = await server.query_request(Request({**request.scope, "headers": headers}, receive))
            self._keep(query_id, json.loads(response.body), _address(request))
        finally:
            server.sessions.pop(query_id).close()
            del self._running[query_id]

    def _keep(self, query_id: str, answer: dict[str, Any], address: str) -> dict[str, Any]:
        spooled = self._served.results_cache.pop((answer["data"] or {}).get("queryId"), None)
        answer["data"] = {**(answer["data"] or {}), "queryId": query_id}
        self._responses.keep(query_id, answer, spooled)
        return self._responses.with_urls(query_id, address)


async def read_body(request: Request) -> bytes:
    """The body of a request, decompressed."""
    body = await request.body()
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


def _address(request: Request) -> str:
    return str(request.base_url).rstrip("/")
