"""A Snowflake that cannot be reached at all is said at once, and not tried again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from python_runner.errors import RunnerError
from python_runner.snowflake import reach
from python_runner.snowflake.client import Snowflake
from tests.conftest import Warehouse

NOWHERE = {
    "SNOWFLAKE_ACCOUNT": "acme-1", "SNOWFLAKE_USER": "u", "SNOWFLAKE_DATABASE": "d",
    "SNOWFLAKE_SCHEMA": "s",
}  # fmt: skip
PROOF = {"SNOWFLAKE_TOKEN": "hunter2"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    monkeypatch.setattr(reach, "TIMEOUT_S", (0.1, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def no_server() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def assert_told_at_once(environment: dict[str, str], *words: str) -> None:
    said: list[str] = []
    snowflake = Snowflake(Warehouse(NOWHERE | PROOF | environment).settings, on_retry=said.append)
    with snowflake, pytest.raises(RunnerError) as caught:
        snowflake.fetch("select 1")
    assert (said, snowflake.retries, snowflake.statements) == ([], 0, 0)
    message = str(caught.value)
    for word in ("cannot be reached", "check SNOWFLAKE_ACCOUNT, SNOWFLAKE_HOST", *words):
        assert word in message
    assert len(message.splitlines()) == 1
    assert "hunter2" not in message


def at(port: int, protocol: str = "http") -> dict[str, str]:
    return {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": str(port), "SNOWFLAKE_PROTOCOL": protocol}


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_port_at_which_nobody_listens(no_server: int, protocol: str) -> None:
    assert_told_at_once(at(no_server, protocol), f"{protocol}://127.0.0.1:{no_server}", "Connection refused")


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_server_that_never_answers(silent: int, protocol: str) -> None:
    assert_told_at_once(at(silent, protocol), f"127.0.0.1:{silent}", "timed out")


def test_a_name_that_is_not_known() -> None:
    assert_told_at_once({"SNOWFLAKE_HOST": "snowflake.invalid"}, "https://snowflake.invalid:443")


def test_an_account_that_the_network_does_not_know(monkeypatch: pytest.MonkeyPatch, no_server: int) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{no_server}")
    assert_told_at_once({}, "https://acme-1.snowflakecomputing.com:443", "HTTPS_PROXY")


def test_a_server_that_does_not_speak_tls() -> None:
    """The login says so, without trying again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(100)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        snowflake = Snowflake(Warehouse(NOWHERE | PROOF | at(server.getsockname()[1], "https")).settings)
        with snowflake, pytest.raises(RunnerError, match="(?i)ssl.*check SNOWFLAKE_ACCOUNT"):
            snowflake.fetch("select 1")
        server.shutdown(socket.SHUT_RDWR)
    assert snowflake.retries == 0
