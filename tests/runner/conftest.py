"""A fault-injecting proxy between the loader and the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Warehouse
from tests.runner.proxy import Proxy, proxy_to


@pytest.fixture
def proxy(warehouse: Warehouse) -> Iterator[Proxy]:
    with proxy_to(int(warehouse.environment["SNOWFLAKE_PORT"])) as proxy:
        yield proxy


@pytest.fixture
def behind(proxy: Proxy, warehouse: Warehouse) -> Warehouse:
    """The warehouse, seen through the proxy."""
    return Warehouse(warehouse.environment | {"SNOWFLAKE_PORT": str(proxy.port)})
