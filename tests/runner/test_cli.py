"""What a user sees: one line and an exit code, never a traceback or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Database, Warehouse

RUNNER = Path(sys.executable).parent / "runner"
UNREACHABLE = {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": "1", "SNOWFLAKE_PROTOCOL": "http"}


def runner(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SNOWFLAKE_", "DATABASE_URL", "DBT_"))}
    return subprocess.run(
        [str(RUNNER), *arguments], cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word.lower() in lines[0].lower()
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        (None, 2, ["DATABASE_URL is not set", ".env"]),
        ("hunter2", 2, ["DATABASE_URL is not a connection string"]),
        ("postgresql://me:hunter2@127.0.0.1:1/site", 1, ["Connection refused", "check DATABASE_URL"]),
    ],
)
def test_a_wrong_database_url(tmp_path: Path, url: str | None, code: int, words: list[str]) -> None:
    environment = {"DATABASE_URL": url} if url else {}
    assert_one_line(runner("status", cwd=tmp_path, **environment), code, *words)


def test_dot_env_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://me:hunter2@127.0.0.1:1/site\n")
    assert_one_line(runner("status", cwd=tmp_path), 1, "Connection refused")


@pytest.mark.database
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"SNOWFLAKE_ACCOUNT": ""}, 2, ["SNOWFLAKE_ACCOUNT"]),
        ({"SNOWFLAKE_PASSWORD": "hunter2"}, 1, ["refused the login", "SNOWFLAKE_PASSWORD"]),
        ({"SNOWFLAKE_SCHEMA": "NOWHERE"}, 1, ["ALLDAY.NOWHERE", "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA"]),
    ],
)
def test_wrong_snowflake_settings(
    tmp_path: Path, database: Database, warehouse: Warehouse, change: dict[str, str], code: int, words: list[str]
) -> None:
    environment = {"DATABASE_URL": database.url} | warehouse.environment | change
    assert_one_line(runner("load", cwd=tmp_path, **environment), code, *words)


@pytest.mark.database
def test_status_before_the_first_load_says_what_to_do(tmp_path: Path, database: Database) -> None:
    assert_one_line(runner("status", cwd=tmp_path, DATABASE_URL=database.url), 1, "run `runner load` first")


@pytest.mark.database
def test_a_file_is_loaded_and_shows_in_the_status(tmp_path: Path, database: Database) -> None:
    (tmp_path / "prices.csv").write_text("edition_id,lowest_ask,avg_sale,top_sale\nED123,1,2,3\n2,-1,,\n")
    arguments = ("load", "--source", "edition_price_scrape", "--from-csv", "prices.csv", "--json")
    done = runner(*arguments, cwd=tmp_path, DATABASE_URL=database.url)
    (loaded,) = json.loads(done.stdout)["loaded"]
    assert (loaded["rows_fetched"], loaded["rows_inserted"], loaded["rows_rejected"]) == (2, 1, 1)
    status = json.loads(runner("status", "--json", cwd=tmp_path, DATABASE_URL=database.url).stdout)
    assert status["sources"][0]["rejected_rows"] == 1
    assert runner("status", cwd=tmp_path, DATABASE_URL=database.url).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "--source", "nonsense"],
        ["load", "--from-csv", "prices.csv"],
        ["load", "--from-csv", "absent.csv"],
        ["fly"],
    ],
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "prices.csv").touch()
    done = runner(*arguments, cwd=tmp_path, DATABASE_URL="host=x")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in runner("status", "--debug", cwd=tmp_path).stderr
