"""Schemas and databases of any name that dbt can take: hyphen, upper case, dot, space, umlaut, 63 bytes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner import refresh
from python_runner.errors import RunnerError, UsageError
from python_runner.ingest.status import read_status
from python_runner.postgres.diagnostics import run_diagnostics
from python_runner.postgres.pool import open_pool
from python_runner.settings import postgres_settings
from python_runner.sources import read_sources
from python_runner.transform.dbt_build import run_command
from tests.conftest import Database, Warehouse
from tests.delta.oracle import assert_equal
from tests.roles import prepare
from tests.runner.test_full_refresh import Messages

pytestmark = pytest.mark.database

NAMES = ("Dev", "a.b-c d", f"{'long-' * 12}end", "ü" * 31)
AUDIT = "select nspname from pg_namespace where nspname like '%%!_dbt!_test!_!_audit' escape '!' and nspname <> %s"


@pytest.fixture
def named(server_url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of this name; the builder may create schemas in it."""
    name = Identifier(request.param)
    url = make_conninfo(server_url, dbname=request.param)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("drop database if exists {} with (force)").format(name))
        connection.execute(SQL("create database {}").format(name))
        prepare(url)
        connection.execute(SQL("grant create on database {} to public").format(name))
        yield Database(url)
        connection.execute(SQL("drop database {} with (force)").format(name))


@pytest.mark.slow
@pytest.mark.parametrize("named", NAMES, indirect=True)
def test_the_whole_life_under_a_name(
    named: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    schema = request.node.callspec.params["named"]
    monkeypatch.setenv("DBT_PG_SCHEMA", schema)

    def load() -> None:
        with refresh.connect(named.settings, warehouse.settings, Messages()) as connections:
            refresh.load(connections, list(read_sources().values()), Messages())

    def build(*, full_refresh: bool = False) -> None:
        assert not refresh.build(named.settings, Messages(), full_refresh=full_refresh).warnings
        with named.connect() as connection:
            assert_equal(connection, schema)

    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    load()
    refresh.check_run(named.settings)
    build()
    warehouse.hold(("0xa", "3", False, "2025-01-02 00:00:00"))
    load()
    indexes = "select indexname from pg_indexes where schemaname = %s and tablename = 'top_wallets_snapshot' order by 1"
    (first, *_) = before = named.rows(indexes, schema)
    with named.connect() as connection:
        stray = Identifier("top_wallets_snapshot_updated_at_0123abcd_01234567")
        table = Identifier(schema, "top_wallets_snapshot")
        connection.execute(SQL("create index {} on {} (updated_at)").format(stray, table))
        connection.execute(SQL("drop index {}").format(Identifier(schema, first["indexname"])))
    build()
    assert len(named.rows(indexes, schema)) == len(before)
    assert "0123abcd" not in str(named.rows(indexes, schema))
    build(full_refresh=True)

    with named.connect() as connection:
        connection.execute(SQL("update {} set total_moments = 7").format(Identifier(schema, "top_wallets_snapshot")))
    with pytest.raises(RunnerError, match="rebuild_equals_the_increments failed: Got 4 results"):
        build(full_refresh=True)
    (kept,) = named.rows(AUDIT, "public_dbt_test__audit")
    with named.connect() as connection:
        rows = SQL("select from {}").format(Identifier(kept["nspname"], "rebuild_equals_the_increments"))
        assert len(connection.execute(rows).fetchall()) == 4
    assert run_command(named.settings, ["--quiet", "run-operation", "maintain"], print) == 0
    assert run_command(named.settings, ["--quiet", "run-operation", "outgrown_tables"], print) == 0
    with open_pool(named.settings) as pool, pool.transaction() as connection:
        assert len(read_status(connection, schema)["snapshots"]) == 7
        assert run_diagnostics(connection)


@pytest.mark.parametrize(
    ("name", "why"), [("it's", "quotation mark"), ('a"b', "quotation mark"), ("ü" * 32, "63 bytes")]
)
@pytest.mark.parametrize("setting", ["DBT_PG_SCHEMA", "the database of DATABASE_URL"])
def test_a_name_that_dbt_does_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str, name: str, why: str
) -> None:
    is_schema = setting == "DBT_PG_SCHEMA"
    monkeypatch.setenv("DBT_PG_SCHEMA", name if is_schema else "public")
    monkeypatch.setenv("DATABASE_URL", make_conninfo("host=x", dbname="x" if is_schema else name))
    with pytest.raises(UsageError, match=f"{setting} .*{why}"):
        postgres_settings(None)
