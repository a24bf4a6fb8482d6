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

QUERY = "/queries/v1/query-request"
LOGIN = "/session/v1/login-request"

# The fault of a request: an HTTP status, a Snowflake error code in a JSON response, a cut connection, or none.
Fault = int | str | None


@dataclass(frozen=True)
class Request:
    """One request as the server sees it."""

    at: float
    path: str
    statement: str
    fault: Fault


@dataclass
class Proxy:
    """Its port, the recorded requests, and the function that chooses the fault of a request by path and number."""

    port: int
    choose_fault: Callable[[str, int], Fault] = lambda _path, _number: None
    latency: float = 0.0
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, path: str, statement: str) -> Fault:
        with self.lock:
            number = sum(request.path == path for request in self.requests)
            fault = self.choose_fault(path, number)
            self.requests.append(Request(time.monotonic(), path, statement, fault))
        return fault

    @property
    def statements(self) -> list[Request]:
        return [request for request in self.requests if request.path == QUERY]

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
            path = self.path.partition("?")[0]
            time.sleep(proxy.latency)
            fault = proxy.record(path, _statement(self.headers.get("Content-Encoding"), body))
            if isinstance(fault, int):
                self._answer(fault, {}, b"")
            elif fault and fault.isdigit():
                answer = {"success": False, "code": fault, "message": "injected by the proxy", "data": {}}
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
            elif fault == "cut before":
                self.close_connection = True
            else:
                self._forward(body, cut=fault == "cut")

        def _forward(self, body: bytes, *, cut: bool) -> None:
            upstream = http.client.HTTPConnection("127.0.0.1", port)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                upstream.request("POST", self.path, body, headers)
                response = upstream.getresponse()
                content = response.read()
                kept = {n: v for n, v in response.getheaders() if n.lower() not in {"content-length", "date", "server"}}
                self._answer(response.status, kept, content, sent=len(content) // 2 if cut else None)
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


def _statement(encoding: str | None, body: bytes) -> str:
    if encoding == "gzip":
        body = gzip.decompress(body)
    try:
        return str(json.loads(body).get("sqlText", ""))
    except ValueError:
        return ""
