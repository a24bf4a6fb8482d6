"""A stand-in with the database of the chain's events beside the project's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from python_runner.demo import chain, stand_in
from python_runner.demo.sample import create_table
from python_runner.sources import read_sources
from tests.snowflake.events import CREATE
from tests.snowflake.warehouse import Warehouse


@pytest.fixture(scope="session")
def chain_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("chain")
    stand_in.create_database(folder)
    stand_in.create_database(folder, chain.DATABASE, chain.SCHEMA)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAND_IN_PATIENCE_S", "0")  # every statement is answered as one that takes long
            server = stand_in.start(folder)
        warehouse = Warehouse(server, tmp_path_factory.mktemp("dbt_snowflake"))
        warehouse.execute(CREATE, *map(create_table, read_sources().values()))
        yield warehouse
    finally:
        stand_in.stop(folder)
