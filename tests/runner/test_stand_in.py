"""The stand-in delivers large results as Snowflake does, to the connector itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import snowflake.connector
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import ProgrammingError

from tests.conftest import CHUNK_ROWS, Warehouse

NUMBERS = "select i, 'row ' || i as word from range(1050) as r (i) order by i"


def connect(warehouse: Warehouse) -> Any:
    args: dict[str, Any] = warehouse.settings.connect_args() | {"session_parameters": {"TIMEZONE": "UTC"}}
    return closing(snowflake.connector.connect(**args))


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[Any]:
    with connect(warehouse) as connection:
        yield connection


def test_a_large_result_comes_in_chunks(connection: Any) -> None:
    cursor = connection.cursor().execute(NUMBERS)
    batches = cursor.get_result_batches()
    assert [batch.rowcount for batch in batches] == [*[CHUNK_ROWS] * 10, 50]
    assert [batch.uncompressed_size is None for batch in batches] == [True] + [False] * 10
    assert cursor.fetchall() == [(i, f"row {i}") for i in range(1050)]


def test_another_session_finds_the_same_chunks(connection: Any, warehouse: Warehouse) -> None:
    query_id = connection.cursor().execute_async(NUMBERS)["queryId"]
    with connect(warehouse) as other:
        first, second = (one.cursor().query_result(query_id).fetch_arrow_all() for one in (connection, other))
        assert other.get_query_status(query_id) is QueryStatus.SUCCESS
    assert first == second
    assert len(first) == 1050


def test_a_statement_that_fails_or_is_not_known_says_so(connection: Any) -> None:
    query_id = connection.cursor().execute_async("select * from nowhere")["queryId"]
    with pytest.raises(ProgrammingError, match="(?i)nowhere"):
        connection.cursor().query_result(query_id)
    assert connection.get_query_status(query_id) is QueryStatus.FAILED_WITH_ERROR
    unknown = "00000000-0000-0000-0000-000000000000"
    assert connection.get_query_status(unknown) is QueryStatus.NO_DATA
    with pytest.raises(ProgrammingError, match="has expired") as caught:
        connection.cursor().query_result(unknown)
    assert caught.value.errno == 710


@pytest.mark.parametrize("what", ["without the headers", "for another chunk"])
def test_a_url_is_good_for_its_chunk_with_the_headers(connection: Any, what: str) -> None:
    batch = connection.cursor().execute(NUMBERS).get_result_batches()[1]
    url, headers = batch._remote_chunk_info.url, dict(batch._chunk_headers)
    assert urlopen(Request(url, headers=headers)).status == 200
    if what == "for another chunk":
        url = url.replace("/0?", "/1?")
    with pytest.raises(HTTPError, match="403"):
        urlopen(Request(url, headers={} if what == "without the headers" else headers))
