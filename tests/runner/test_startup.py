"""A command imports only what it needs: `--help` and usage errors must not wait for dbt, Arrow or drivers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import sys
from python_runner.cli import app
try:
    app(sys.argv[1:])
except SystemExit as ended:
    print()
    print(ended.code, *sys.modules)
"""
SLOW = {"dbt", "numpy", "pyarrow", "snowflake"}
DRIVERS = {"cryptography", "psycopg"}


@pytest.mark.parametrize(
    ("arguments", "code", "not_imported"),
    [
        (["--help"], 0, SLOW | DRIVERS | {"pydantic"}),
        (["load", "--help"], 0, SLOW | DRIVERS),
        (["dbt", "--help"], 0, SLOW | DRIVERS),
        (["serve", "--help"], 0, SLOW | DRIVERS | {"granian", "starlette"}),
        (["load", "--nonsense"], 2, SLOW | DRIVERS),
        (["load", "--full", "--reconcile"], 2, SLOW | DRIVERS),
        (["load", "--source", "nonsense"], 2, SLOW | DRIVERS),
        (["run"], 2, SLOW),
        (["status"], 1, SLOW),
        (["enqueue", "--help"], 0, SLOW | DRIVERS),
        (["enqueue", "maintain", "--source", "wallet_profiles"], 2, SLOW | DRIVERS),
        (["jobs"], 1, SLOW),
    ],
)
def test_only_what_a_command_needs_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, not_imported: set[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.delenv("SNOWFLAKE_ACCOUNT", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    exit_code, *modules = done.stdout.splitlines()[-1].split()
    assert exit_code == str(code), done.stderr
    assert not not_imported & set(modules)
