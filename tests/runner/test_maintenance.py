"""A table that VACUUM cannot do keeps no other from it, within the same run."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_runner.errors import RunnerError
from python_runner.refresh import build
from tests.conftest import Database, Loader, Warehouse
from tests.runner.test_full_refresh import Messages

pytestmark = pytest.mark.database

SNAPSHOTS = ("wallet_summary_snapshot", "top_wallets_snapshot", "top_wallets_by_value_snapshot")
BROKEN = "top_wallets_snapshot"


def vacuumed(database: Database) -> dict[str, int]:
    """How often each snapshot was vacuumed by hand."""
    counts = database.rows(
        "select relname, vacuum_count from pg_stat_user_tables where relname = any(%s)", list(SNAPSHOTS)
    )
    return {row["relname"]: row["vacuum_count"] for row in counts}


@pytest.mark.slow
def test_a_broken_table_keeps_no_other_from_its_vacuum(load: Loader, database: Database, warehouse: Warehouse) -> None:
    warehouse.hold(*((f"0x{n:x}", str(n), False, "2025-01-01 00:00:00") for n in range(50)))
    load()
    build(database.settings, Messages())
    for table in SNAPSHOTS:
        database.execute(f"alter table {table} set (autovacuum_enabled = off)")
    toast = "select pg_relation_filepath(reltoastrelid) from pg_class where oid = %s::regclass"
    file = Path(database.value("show data_directory"), database.value(toast, BROKEN))
    away = file.rename(f"{file}.away")  # which VACUUM alone opens
    try:
        for wallet in "ab":
            warehouse.execute(f"update ALLDAY_WALLET_HOLDINGS_CURRENT set wallet_address = '0x{wallet}' || nft_id")
            load(full=True)
            before = vacuumed(database)
            with pytest.raises(RunnerError, match="could not open file"):
                build(database.settings, Messages())
            after = vacuumed(database)
            assert all(after[table] > before[table] for table in SNAPSHOTS)
    finally:
        away.rename(file)


def test_a_server_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(RunnerError, match=r"^dbt: .*Connection refused"):
        build(Database("postgresql://nobody@127.0.0.1:1/none").settings, Messages())
