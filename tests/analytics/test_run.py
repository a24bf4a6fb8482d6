"""`runner run --analytics`: the copy follows the refresh, and never fails it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from python_runner.console.progress import JsonLines
from python_runner.jobs.names import JobName
from python_runner.refresh import build
from tests.conftest import Database, Loader, Warehouse

RUNNER = Path(sys.executable).parent / "runner"


def runner(
    database: Database, warehouse: Warehouse, cwd: Path, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    own = warehouse.environment | {"DATABASE_URL": database.url, "ANALYTICS_FOLDER": str(folder)}
    own |= {f"SCHEDULE_{name.name.upper()}": "" for name in JobName}
    environment = {name: value for name, value in (os.environ | own).items() if not name.startswith("DBT_")}
    done = subprocess.run([RUNNER, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def run(database: Database, warehouse: Warehouse, cwd: Path, folder: Path, *options: str) -> dict[str, Any]:
    done = runner(database, warehouse, cwd, folder, "run", "--analytics", "--json", *options)
    return dict(json.loads(done.stdout)["analytics"])


@pytest.mark.database
@pytest.mark.slow
def test_the_copy_follows_a_run_and_never_fails_it(
    load: Loader, database: Database, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    load()
    build(database.settings, JsonLines())
    (tmp_path / "file").write_text("")
    failed = run(database, warehouse, tmp_path, tmp_path / "file" / "copy")
    assert "check ANALYTICS_FOLDER" in failed["warning"]
    followed = run(database, warehouse, tmp_path, tmp_path / "copy", "--full-refresh")
    assert followed["warning"] == ""
    assert followed["synced"]["rows"]["int_wallet_editions"] == 2
    assert set(followed["verified"]["rows"].values()) == {0}

    (tmp_path / "copy/history-1/refresh=1/int_wallet_editions.parquet").unlink()
    runner(database, warehouse, tmp_path, tmp_path / "copy", "enqueue", "full-refresh")
    worked = runner(database, warehouse, tmp_path, tmp_path / "copy", "worker", "--once")
    assert "warning: analytics: the copy" in worked.stderr
