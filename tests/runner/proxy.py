"""A proxy in front of the stand-in for Snowflake: it records every request and injects faults."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa

QUERY = "/queries/v1/query-request"
CHUNKS, RESULTS = "/chunks", "/results"
LOGIN = "/session/v1/login-request"

# The fault of a request: an HTTP status, a Snowflake error code in a JSON response, a cut connection, half of the rows
# of a chunk ("short"), or none.
Fault = int | str | None


@dataclass(frozen=True)
class Request:
    """One request as the server sees it."""

    at: float
    path: str
    statement: str
    fault: Fault
    target: str = ""


@dataclass
class Proxy:
    """Its port, the recorded requests, and the function that chooses the fault of a request by path and number.

    A request for a chunk is counted among those for the same chunk.
    """

    port: int
    choose_fault: Callable[[str, int], Fault] = lambda _path, _number: None
    latency: float = 0.0
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, target: str, statement: str) -> Fault:
        path = CHUNKS if target.startswith(CHUNKS) else RESULTS if target.endswith("/result") else target
        with self.lock:
            before = [request for request in self.requests if request.path == path]
            number = sum(request.target == target for request in before) if path == CHUNKS else len(before)
            fault = self.choose_fault(path, number)
            self.requests.append(Request(time.monotonic(), path, statement, fault, target))
        return fault

    @property
    def statements(self) -> list[Request]:
        return [request for request in self.requests if request.path == QUERY]

    @property
    def chunks(self) -> list[Request]:
        return [request for request in self.requests if request.path == CHUNKS]

    def max_per_second(self) -> int:
        """The largest number of statements in any second."""
        times = [request.at for request in self.statements]
        return max(sum(begin <= at < begin + 1 for at in times) for begin in times)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Run a proxy on a free port until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(proxy.latency)
            target = self.path.partition("?")[0]
            fault = proxy.record(target, _statement(self.headers.get("Content-Encoding"), body))
            if isinstance(fault, int):
                self._answer(fault, {}, b"")
            elif fault and fault.isdigit():
                answer = {"success": False, "code": fault, "message": "injected by the proxy", "data": {}}
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
            elif fault == "cut before":
                self.close_connection = True
            else:
                self._forward(body, fault)

        do_GET = do_POST  # noqa: N815

        def _forward(self, body: bytes, fault: Fault) -> None:
            upstream = http.client.HTTPConnection("127.0.0.1", port)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                response = upstream.getresponse()
                content = response.read()
                kept = {n: v for n, v in response.getheaders() if n.lower() not in {"content-length", "date", "server"}}
                content = _half(content) if fault == "short" else content
                self._answer(response.status, kept, content, sent=len(content) // 2 if fault == "cut" else None)
            finally:
                upstream.close()

        def _answer(self, status: int, headers: dict[str, str], content: bytes, sent: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:sent])
            self.close_connection = self.close_connection or sent is not None

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = Proxy(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _half(chunk: bytes) -> bytes:
    """A chunk that lacks rows, but is whole in itself."""
    table = pa.ipc.open_stream(chunk).read_all()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.slice(0, len(table) // 2))
    return bytes(sink.getvalue())


def _statement(encoding: str | None, body: bytes) -> str:
    if encoding == "gzip":
        body = gzip.decompress(body)
    try:
        return str(json.loads(body).get("sqlText", ""))
    except ValueError:
        return ""
