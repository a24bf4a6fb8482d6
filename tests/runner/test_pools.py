"""The loader's connections: a pool with an end, and the pooler that may stand before the server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from python_runner.errors import RunnerError
from python_runner.postgres.pool import open_pool
from python_runner.postgres.run_lock import hold_run_lock
from python_runner.transform.dbt_profile import check_connection
from tests.conftest import Database, Loader, Warehouse

pytestmark = pytest.mark.database

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
# Two connections for all clients, lent for a transaction each.
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} pool_size=2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
auth_type = any
pool_mode = transaction
pidfile =
{more}
"""


@pytest.fixture
def pooled(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """The database behind PgBouncer, whose configuration may have one more line."""
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed")
    server = conninfo_to_dict(database.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listens = free.getsockname()[1]
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            host=server["host"],
            port=server.get("port", 5432),
            user=server.get("user", "postgres"),
            listens=listens,
            more=getattr(request, "param", ""),
        )
    )
    # It refuses to run as root; the server's owner can reach the server's socket.
    host = Path(str(server["host"]))
    owner = ["-u", host.owner() if host.is_dir() else "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([PGBOUNCER, "-q", *owner, configuration]) as process:
        try:
            url = f"postgresql://{server.get('user', 'postgres')}@127.0.0.1:{listens}/{server['dbname']}"
            wait_for(url)
            yield Database(url)
        finally:
            process.terminate()


@retry(retry=retry_if_exception_type(psycopg.OperationalError), wait=wait_fixed(0.05), stop=stop_after_delay(10))
def wait_for(url: str) -> None:
    psycopg.connect(url, connect_timeout=1).close()


def test_a_pooler_that_lends_out_transactions_may_stand_between(
    pooled: Database, database: Database, warehouse: Warehouse
) -> None:
    load = Loader(pooled, warehouse)
    warehouse.execute(
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT"
        " select '0x' || (i % 7), i, false, '2026-01-01'::timestamp_ntz from range(1, 501) as r (i)"
    )
    (first,) = load("wallet_holdings")
    warehouse.execute(
        "update ALLDAY_WALLET_HOLDINGS_CURRENT set is_locked = true, last_event_ts = '2026-02-01' where nft_id = '7'",
        "delete from ALLDAY_WALLET_HOLDINGS_CURRENT where nft_id = '8'",
    )
    (second,) = load("wallet_holdings")
    (third,) = load.reconcile("wallet_holdings")
    assert (first.rows_inserted, second.rows_updated, third.rows_deleted) == (500, 1, 1)
    assert database.value("select count(*) from raw.wallet_holdings") == 499


def test_loads_exclude_each_other_behind_a_pooler(pooled: Database) -> None:
    with (
        hold_run_lock(pooled.settings, "load", wait=False, notify=pytest.fail),
        pytest.raises(RunnerError, match="busy with `runner load`"),
        hold_run_lock(pooled.settings, "build", wait=False, notify=pytest.fail),
    ):
        pass
    with hold_run_lock(pooled.settings, "build", wait=False, notify=pytest.fail):
        pass


def test_who_waits_too_long_for_a_connection_is_told_what_to_raise(database: Database) -> None:
    settings = database.settings.model_copy(update={"db_pool_max": 1, "db_pool_timeout_s": 0.5})
    with (
        open_pool(settings) as pool,
        pool.transaction(),
        pytest.raises(RunnerError, match="raise DB_POOL_MAX or DB_POOL_TIMEOUT_S"),
        pool.transaction(),
    ):
        pass


def test_a_pooler_that_refuses_the_limits_of_dbt_is_told_before_a_load(pooled: Database) -> None:
    settings = pooled.settings.model_copy(update={"db_lock_timeout_s": 0})
    check_connection(settings)
    with pytest.raises(RunnerError, match="startup parameter.*DB_LOCK_TIMEOUT_S or options: remove them") as caught:
        check_connection(settings.model_copy(update={"db_lock_timeout_s": 60}))
    assert "\n" not in str(caught.value)
