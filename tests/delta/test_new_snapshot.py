"""The snapshot that docs/add-a-snapshot.md adds works as it stands there."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import psycopg
import pytest

from python_runner.project import PROJECT
from tests.delta.conftest import Workshop
from tests.delta.market import Change, Market
from tests.delta.oracle import HELD, difference
from tests.delta.project import Project, copy_project

PAGE = PROJECT / "docs/add-a-snapshot.md"
FILE = re.compile(r"^`(models/\S+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "top_wallets_by_set_snapshot"
REBUILT = f"""
    {HELD}
    select set_name, wallet_address, display_name, count(*) as total_moments
    from collectors
    where set_name is not null
    group by set_name, wallet_address, display_name
"""
DAYS: list[list[Change]] = [
    [("move", "ED2", "Playoffs")],
    [("transfer", 1, "0xc"), ("move", "ED1", "Playoffs"), ("rename", "0xb", "Bob")],
    [("sell_all", "0xa", "0xe4cf4bdc1751c65d"), ("move", "ED2", None), ("describe", 3, "ED4"), ("forget", 5)],
    [("rename", "0xc", "Cleo"), ("price", "ED1", 9, 9)],
]


@pytest.mark.slow
@pytest.mark.database
def test_the_added_snapshot_follows_what_happens(workshop: Workshop, opened: Market, tmp_path: Path) -> None:
    market = deepcopy(opened)
    built = workshop.renew("traded")
    project = Project(built.url, tmp_path, home=copy_project(tmp_path / "project"))
    files = FILE.findall(PAGE.read_text())
    assert [Path(path).suffix for path, _ in files] == [".sql", ".yml"]
    for path, text in files:
        (project.home / path).write_text(text)
    project.parse()
    assert project.run().ok
    with psycopg.connect(project.url, autocommit=True) as connection:
        assert difference(connection, NAME, REBUILT) == 0
        for changes in DAYS:
            market.happen(changes)
            market.load_all(connection)
            assert project.run().rebuilt == {}
            assert difference(connection, NAME, REBUILT) == 0, changes
        assert not project.run(NAME, full_refresh=True).failed
        assert difference(connection, NAME, REBUILT) == 0
    project.manifest = None  # the test is enabled by the var
    compiled = project.compile("rebuild_equals_the_increments", compare_rebuild=True)
    assert f"'{NAME}', 'not compared: " in (compiled / "tests/integrity/rebuild_equals_the_increments.sql").read_text()
