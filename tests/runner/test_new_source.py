"""The source of docs/add-a-source.md, added as the page says, loads, builds, and breaks nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from python_runner.ingest.load import LoadResult, load_from_snowflake
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import open_pool
from python_runner.project import DECLARATION, PROJECT
from python_runner.snowflake.client import Snowflake
from python_runner.sources import read_sources
from tests.conftest import Database, Warehouse

PAGE = PROJECT / "docs/add-a-source.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ABOVE = "  - name: runner\n"
# The servers of the demo with its data, as `make demo` makes them before its first load.
DEMO = """
from python_runner.demo import embedded, sample, stand_in, story
sample.generate(story.WAREHOUSE / f"{sample.DATABASE}.db", sample.Scale(5_000))
stand_in.start(story.WAREHOUSE)
story._new_database(embedded.start(story.FOLDER).url)
"""
LOAD = ".venv/bin/runner load\n"


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(PAGE.read_text()) if name == language]


def declared(text: str) -> str:
    """The declaration with the entries of the page, where the page puts them."""
    entry, log = blocks("yaml")
    assert text.count(ABOVE) == 1
    assert f"`{ABOVE.rstrip()}`" in PAGE.read_text()
    return text.replace(ABOVE, f"{entry}\n{ABOVE}") + log


@pytest.mark.database
def test_the_added_source_is_loaded(database: Database, warehouse: Warehouse, tmp_path: Path) -> None:
    declaration = tmp_path / DECLARATION.name
    declaration.write_text(declared(DECLARATION.read_text()))
    source = read_sources(declaration)["challenges"]

    def load() -> LoadResult:
        with open_pool(database.settings) as pool, Snowflake(warehouse.settings) as snowflake:
            pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, [source]))
            return load_from_snowflake(pool, snowflake, source, full=False, progress=SourceProgress())

    warehouse.execute(
        "create table CHALLENGES (challenge_id varchar, title varchar, ends_at timestamp_ntz)",
        "insert into CHALLENGES values ('c1', 'Opening', '2026-01-01'), ('c2', 'Finale', null)",
    )
    assert load().rows_inserted == 2
    warehouse.execute(
        "update CHALLENGES set title = 'Overture' where challenge_id = 'c1'",
        "delete from CHALLENGES where challenge_id = 'c2'",
    )
    loaded = load()
    assert (loaded.rows_updated, loaded.rows_deleted) == (1, 1)
    assert database.rows("select challenge_id, title from raw.challenges") == [
        {"challenge_id": "c1", "title": "Overture"}
    ]
    assert database.value("select sum(weight) from raw.challenges_changes") == -1


@pytest.mark.slow
def test_the_demo_and_the_tests_work_with_the_added_source(tmp_path: Path) -> None:
    home = tmp_path / "project"
    for name in subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split():
        if (PROJECT / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, home / name)
    (home / ".venv").symlink_to(sys.prefix)
    declaration = home / DECLARATION.relative_to(PROJECT)
    declaration.write_text(declared(declaration.read_text()))
    (model,) = blocks("sql")
    (home / "models/staging/stg_challenges.sql").write_text(model)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SNOWFLAKE_"))}
    environment |= {"PYTHONPATH": str(home)}  # before the installed project

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (commands,) = blocks("sh")
    make_demo, rest = commands.split("\n", 1)
    assert make_demo == "make demo"
    connect, rest = rest.replace("/tmp/", f"{tmp_path}/").split("\n", 1)
    try:
        run(sys.executable, "-c", DEMO)
        assert "challenges" in run("bash", "-euc", f"{connect}\n{LOAD}{rest}\n.venv/bin/runner status")
        run(sys.executable, "-m", "pytest", "-q", "tests/runner/test_schema_check.py", "-k", "added_column")
    finally:
        run(".venv/bin/runner", "demo", "--stop")
