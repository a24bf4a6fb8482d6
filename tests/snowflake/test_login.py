"""The profile that is delivered logs in with a password, a key or a token, and a wrong setting is one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from python_runner.project import PROJECT
from tests.conftest import Database
from tests.runner.test_cli import assert_one_line, runner
from tests.runner.test_login import PASSPHRASE, TOKEN, environment, key_file

pytestmark = pytest.mark.snowflake

__all__ = ["environment"]

MOVE = ("run", "--marts-from-snowflake")
LIMIT_S = 300


def dbt(server: dict[str, str], folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SNOWFLAKE_", "DBT_"))}
    proof = {f"SNOWFLAKE_{name}".upper(): value for name, value in given.items()}
    target = ["--target", "snowflake", "--log-path", str(folder)]
    profiles = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT / ".ci")]
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "debug", "--connection", *target, *profiles],
        env=kept | server | proof, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip


@pytest.mark.parametrize("way", ["password", "token", "key", "encrypted key"])
def test_the_profile_works_as_it_is(environment: dict[str, str], tmp_path: Path, way: str) -> None:
    given = {
        "password": {"password": "hunter2"},
        "token": {"token": TOKEN, "password": "hunter2"},
        "key": {"private_key_path": key_file(tmp_path / "plain"), "password": "hunter2"},
        "encrypted key": {
            "private_key_path": key_file(tmp_path / "encrypted", passphrase=PASSPHRASE),
            "private_key_passphrase": PASSPHRASE,
        },
    }[way]
    done = dbt(environment, tmp_path, **given)
    assert done.returncode == 0, done.stdout
    assert "hunter2" not in done.stdout


def test_a_wrong_password_ends_dbt_too(environment: dict[str, str], tmp_path: Path) -> None:
    done = dbt(environment, tmp_path, password="wrong")
    assert done.returncode != 0
    assert "Incorrect username or password was specified" in done.stdout


def test_what_is_not_set_is_named(database: Database, environment: dict[str, str], tmp_path: Path) -> None:
    given = environment | {"DATABASE_URL": database.login}
    assert_one_line(runner(*MOVE, cwd=tmp_path, **given), 2, "SNOWFLAKE_PASSWORD is not set", "SNOWFLAKE_TOKEN")
    for name in ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_DATABASE", "SNOWFLAKE_SCHEMA"):
        left = {k: v for k, v in given.items() if k != name} | {"SNOWFLAKE_PASSWORD": "hunter2"}
        assert_one_line(runner(*MOVE, cwd=tmp_path, **left), 2, f"{name} is not set", ".env")


def test_what_is_wrong_is_named_before_dbt_starts(
    database: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    given = environment | {"DATABASE_URL": database.login, "SNOWFLAKE_PASSWORD": "wrong-hunter2"}
    assert_one_line(runner(*MOVE, cwd=tmp_path, **given), 1, "refused the login", "SNOWFLAKE_PASSWORD")
    assert_one_line(runner("run", "--from-events", cwd=tmp_path, **given), 1, "refused the login", "SNOWFLAKE_PASSWORD")
    given |= {"SNOWFLAKE_PASSWORD": "hunter2", "SNOWFLAKE_SCHEMA": "NOWHERE"}
    assert_one_line(runner(*MOVE, cwd=tmp_path, **given), 1, "NOWHERE")


def test_a_database_without_events_is_one_line(database: Database, environment: dict[str, str], tmp_path: Path) -> None:
    given = environment | {"DATABASE_URL": database.login, "SNOWFLAKE_PASSWORD": "hunter2"}
    done = runner("run", "--from-events", cwd=tmp_path, **given)
    assert_one_line(done, 1, "stg_chain_events", "fact_events")
