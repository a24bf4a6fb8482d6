"""Real servers for the tests: Postgres (embedded, or TEST_DATABASE_URL) and a stand-in for Snowflake."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pytest
import snowflake.connector
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from python_runner.demo import embedded, stand_in
from python_runner.demo.sample import create_table
from python_runner.ingest.load import LoadResult, load_from_snowflake
from python_runner.ingest.reconcile import Preview, preview, reconcile
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Pool, open_pool
from python_runner.settings import PostgresSettings, SnowflakeSettings
from python_runner.snowflake.client import Snowflake
from python_runner.sources import read_sources
from tests import roles

SOURCE_TABLES = {
    "ALLDAY_WALLET_HOLDINGS_CURRENT": (
        "wallet_address varchar, nft_id varchar, is_locked boolean, last_event_ts timestamp_ntz"
    ),
    "ALLDAY_CORE_NFT_METADATA": (
        "nft_id varchar, edition_id varchar, play_id varchar, series_id varchar, series_name varchar, set_id varchar,"
        " set_name varchar, tier varchar, max_mint_size varchar, serial_number varchar, first_name varchar,"
        " last_name varchar, team_name varchar, position varchar, jersey_number varchar"
    ),
    "EDITION_PRICE_SCRAPE": "edition_id varchar, lowest_ask float, avg_sale float, top_sale float",
    "WALLET_PROFILES": "wallet_address varchar, display_name varchar",
}


CHUNK_ROWS = 100


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores, because tests wait for servers."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres server on which databases may be created."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        roles.create_roles(url)
        yield url
        roles.drop_roles(url)
        return
    folder = tmp_path_factory.mktemp("postgres")
    with embedded.running(folder) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")  # a test does not outlive a crash of the machine
            connection.execute("select pg_reload_conf()")
        roles.create_roles(server.url)
        yield server.url


@pytest.fixture(scope="session")
def database_name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same for every test of a session: dbt parses again for another name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(tmp_path_factory.mktemp("target")))
        yield f"test_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def database_url(server_url: str, database_name: str) -> Iterator[str]:
    """An empty database of the test's own."""
    name = Identifier(database_name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(name))
        url = make_conninfo(server_url, dbname=database_name)
        roles.prepare(url)
        yield url
        connection.execute(SQL("drop database {} with (force)").format(name))


@dataclass
class Database:
    """A database as a test looks at it, as a superuser. What is tested logs in as the builder of docs/roles.md."""

    url: str
    role: str = "builder"

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def rows(self, query: str, *params: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query, params).fetchall()

    def value(self, query: str, *params: Any) -> Any:
        return next(iter(self.rows(query, *params)[0].values()))

    def execute(self, query: str, *params: Any) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(query, params)

    @property
    def name(self) -> str:
        return str(self.value("select current_database()"))

    @property
    def login(self) -> str:
        """The URL of what is tested."""
        return roles.as_role(self.url, self.role) if self.role else self.url

    @property
    def settings(self) -> PostgresSettings:
        """A lock that nobody lets go fails the test."""
        return PostgresSettings(database_url=self.login, db_pool_min=1, db_lock_timeout_s=60, _env_file=None)  # type: ignore[arg-type,call-arg]


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


@pytest.fixture(scope="session")
def stand_in_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stand_in.StandIn]:
    """A stand-in for Snowflake without tables, whose results come in small chunks."""
    folder = tmp_path_factory.mktemp("snowflake")
    stand_in.create_database(folder)
    try:
        yield stand_in.start(folder, chunk_rows=CHUNK_ROWS)
    finally:
        stand_in.stop(folder)


@dataclass
class Warehouse:
    """A schema of the stand-in with a table for each declared source, as a test fills it."""

    environment: dict[str, str]

    def execute(self, *statements: str) -> None:
        args = self.settings.connect_args() | {"network_timeout": 0}
        with snowflake.connector.connect(**args) as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with snowflake.connector.connect(**self.settings.connect_args()) as connection:
            return list(connection.cursor().execute(query))  # type: ignore[arg-type]

    def hold(self, *rows: tuple[Any, ...]) -> None:
        """Insert holdings: wallet, moment, locked, time."""
        self.execute(f"insert into ALLDAY_WALLET_HOLDINGS_CURRENT values {', '.join(map(_literal, rows))}")

    @property
    def settings(self) -> SnowflakeSettings:
        names = {name.removeprefix("SNOWFLAKE_").lower(): value for name, value in self.environment.items()}
        return SnowflakeSettings(_env_file=None, SNOWFLAKE_SCHEMA=names.pop("schema"), **names)  # type: ignore[arg-type,call-arg]


@pytest.fixture
def warehouse(stand_in_server: stand_in.StandIn) -> Warehouse:
    schema = f"T_{uuid.uuid4().hex[:12]}".upper()
    base = stand_in_server.environment | {"SNOWFLAKE_RATE_LIMIT_RPS": "1000"}
    Warehouse(base).execute(f"create schema {schema}")
    own = Warehouse(base | {"SNOWFLAKE_SCHEMA": schema})
    own.execute(*(f"create table {name} ({columns})" for name, columns in SOURCE_TABLES.items()))
    own.execute(*(create_table(one) for one in read_sources().values() if one.snowflake_table not in SOURCE_TABLES))
    return own


@dataclass
class Loader:
    """Loads by name from the test's warehouse into the test's database."""

    database: Database
    warehouse: Warehouse
    reject_limit: float = 0.01

    def __call__(self, *names: str, full: bool = False, **settings: Any) -> list[LoadResult]:
        return self._each(partial(load_from_snowflake, full=full), names, settings)

    def reconcile(self, *names: str, **settings: Any) -> list[LoadResult]:
        return self._each(reconcile, names, settings)

    def preview(self, *names: str, **settings: Any) -> list[Preview]:
        return self._each(preview, names, settings)

    def _each(self, work: Callable[..., Any], names: tuple[str, ...], settings: dict[str, Any]) -> list[Any]:
        limit = {"reject_limit": self.reject_limit}
        sources = {name: source.model_copy(update=limit) for name, source in read_sources().items()}
        reading = self.warehouse.settings.model_copy(update=settings)
        with open_pool(self.database.settings) as pool, Snowflake(reading, first_backoff_s=0.01) as source:
            prepare(pool)
            return [work(pool, source, sources[name], progress=SourceProgress()) for name in names or sources]


@pytest.fixture
def load(database: Database, warehouse: Warehouse) -> Loader:
    return Loader(database, warehouse)


def prepare(pool: Pool) -> None:
    pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, list(read_sources().values())))


def _literal(row: tuple[Any, ...]) -> str:
    return (
        "(" + ", ".join("null" if v is None else str(v).lower() if isinstance(v, bool) else f"'{v}'" for v in row) + ")"
    )
