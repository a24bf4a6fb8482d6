"""The roles of docs/roles.md suffice for everything, and each of their rights is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from python_runner import refresh
from python_runner.errors import RunnerError
from python_runner.ingest.status import read_status
from python_runner.postgres.diagnostics import run_diagnostics
from python_runner.postgres.pool import open_pool
from python_runner.postgres.run_lock import hold_run_lock
from python_runner.sources import read_sources
from python_runner.transform.dbt_build import run_command
from tests.conftest import Database, Warehouse
from tests.delta.oracle import TABLES, assert_equal
from tests.roles import CONNECT, DEVELOPER, SET_UP, as_role, name_of, statements
from tests.runner.test_full_refresh import Messages

pytestmark = pytest.mark.database

REVOKED = ("revoke all on database {} from public", "revoke usage on schema public from public")
GRANT = re.compile(r"\bgrant (.+?)( on .+)? to (.+)")


@pytest.fixture
def builder(database: Database) -> Database:
    """A database on which nobody has a right that the page does not grant."""
    for statement in (*(one.format(database.name) for one in REVOKED), *statements(CONNECT, database.name)):
        database.execute(statement)
    return database


def load(role: Database, warehouse: Warehouse) -> None:
    with refresh.connect(role.settings, warehouse.settings, Messages()) as connections:
        refresh.load(connections, list(read_sources().values()), Messages())


@pytest.mark.slow
def test_the_whole_life_of_a_database(
    builder: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBT_PG_READERS", f" {name_of('reader')},")
    loader = replace(builder, role="loader")
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    load(loader, warehouse)
    refresh.check_run(builder.settings)
    refresh.build(builder.settings, Messages())

    # `runner run` by the role for both, on tables of the loader, with a changelog to prune.
    warehouse.hold(("0xa", "3", False, "2025-01-02 00:00:00"))
    load(builder, warehouse)
    refresh.build(builder.settings, Messages())
    refresh.build(builder.settings, Messages(), full_refresh=True)
    assert run_command(builder.settings, ["run-operation", "maintain"], print) == 0
    assert "permission denied" not in "".join(capfd.readouterr())
    load(loader, warehouse)
    vacuumed = "select relname from pg_stat_user_tables where schemaname = 'raw' and vacuum_count > 0"
    assert {"wallet_holdings", "wallet_holdings_changes"} <= {row["relname"] for row in builder.rows(vacuumed)}
    owners = "select distinct relowner::regrole::text as owner from pg_class where relnamespace = 'raw'::regnamespace"
    assert builder.rows(owners) == [{"owner": name_of("loader")}]

    with open_pool(builder.settings) as pool, pool.transaction() as connection:
        assert read_status(connection, "public")["snapshots"]
        assert run_diagnostics(connection)
    with psycopg.connect(as_role(builder.url, "reader"), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"select from {table}")
        assert connection.execute("select from wallet_summary_snapshot").fetchall()
        for table in ("int_wallet_facts", "stg_wallet_holdings", "raw.wallet_holdings", "delta.watermarks"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select from {table}")


@pytest.mark.slow
def test_a_developer_builds_beside_production(
    database: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    load(database, warehouse)
    refresh.build(database.settings, Messages())
    for statement in statements(DEVELOPER):
        database.execute(statement)
    ann = replace(database, role="ann")
    monkeypatch.setenv("DBT_PG_SCHEMA", "dev-ann")
    refresh.build(ann.settings, Messages())
    warehouse.hold(("0xa", "3", False, "2025-01-02 00:00:00"))
    with pytest.raises(RunnerError, match=r"belong to the schema 'public', and DBT_PG_SCHEMA is 'dev-ann'"):
        load(database, warehouse)
    monkeypatch.delenv("DBT_PG_SCHEMA")
    load(database, warehouse)
    monkeypatch.setenv("DBT_PG_SCHEMA", "dev-ann")
    refresh.build(ann.settings, Messages())
    with database.connect() as connection:
        assert_equal(connection, "dev-ann")


@pytest.mark.slow
def test_each_right_is_needed(builder: Database, warehouse: Warehouse) -> None:
    """Without it, a load, the checks before a run, or a reader says which one is missing."""
    load(replace(builder, role="loader"), warehouse)
    refresh.check_run(builder.settings)
    assert run_command(builder.settings, ["--quiet", "run", "--select", "stg_load_batches"], print) == 0
    with psycopg.connect(builder.login) as connection:
        connection.execute("create table public.shown ()")
        connection.execute(f"grant select on public.shown to {name_of('reader')}")
    assert complaints(builder, warehouse) == []
    for right, grantee in rights(builder.name):
        builder.execute(f"revoke {right} from {grantee}")
        assert complaints(builder, warehouse), f"{right} to {grantee}"
        builder.execute(f"grant {right} to {grantee}")
    assert complaints(builder, warehouse) == []


def rights(dbname: str) -> list[tuple[str, str]]:
    """Each right that the page grants, and to whom."""
    found = []
    for statement in statements(SET_UP + CONNECT, dbname):
        if grant := GRANT.search(statement):
            privileges, on, grantees = grant.groups()
            on = (on or "").replace("on tables", "on delta.watermarks")
            found += [
                (privilege + on, grantee) for privilege in privileges.split(", ") for grantee in grantees.split(", ")
            ]
    assert len(found) == 11
    return found


def complaints(builder: Database, warehouse: Warehouse) -> list[str]:
    """What a load, the checks before a run, a load that waits for it, and a reader say."""
    loader = replace(builder, role="loader")
    builder.execute("truncate raw.wallet_holdings")
    steps = (
        lambda: load(loader, warehouse),
        lambda: refresh.check_run(builder.settings),
        lambda: wait(builder, loader),
        lambda: read(builder),
    )
    return [said for step in steps if (said := _said(step))]


def _said(step: Callable[[], None]) -> str:
    try:
        step()
    except (RunnerError, psycopg.Error) as error:
        return str(error)
    return ""


def wait(builder: Database, loader: Database) -> None:
    with (
        hold_run_lock(builder.settings, "run", wait=True, notify=print),
        pytest.raises(RunnerError) as caught,
        hold_run_lock(loader.settings, "load", wait=False, notify=print),
    ):
        raise AssertionError("both hold it")
    if not re.match(r"busy with `runner run` \(process \d+, since \d\d:", str(caught.value)):
        raise caught.value


def read(database: Database) -> None:
    with psycopg.connect(as_role(database.url, "reader")) as connection:
        connection.execute("select from public.shown")
