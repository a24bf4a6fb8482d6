"""The site's queries have the plans that their first lines state, and read nothing they need not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from python_runner.project import PROJECT
from tests.delta.conftest import Workshop
from tests.delta.crowd import open_crowd, trade_crowd
from tests.delta.project import Connection

pytestmark = pytest.mark.database

QUERIES = sorted((PROJECT / "analyses" / "site").glob("*.sql"))
SMALL = {"editions_snapshot", "explorer_filters_snapshot", "edition_price_scrape"}


@pytest.fixture(scope="module")
def site(workshop: Workshop) -> Iterator[tuple[Connection, Path]]:
    """A market that is loaded, built, changed and refreshed; and the folder of the compiled queries."""
    project = workshop.renew()
    with psycopg.connect(project.url, autocommit=True) as connection:
        open_crowd(connection, 40_000, modulus=9973)
        assert project.run().ok
        trade_crowd(connection, 1)
        assert project.run().ok
        (wallet,) = connection.execute(
            "select wallet_address from raw.wallet_holdings group by 1 order by count(*) desc limit 1"
        ).fetchone() or ("",)
        (team,) = connection.execute(
            "select team_name from top_wallets_by_team_snapshot group by 1 order by count(*) desc limit 1"
        ).fetchone() or ("",)
        yield connection, project.compile("path:analyses/site", address=wallet, team=team, prefix="Collector 12")


def plan(connection: Connection, query: str) -> list[dict[str, Any]]:
    """The nodes that scan a relation."""

    def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "Relation Name" in node:
            yield node
        for child in node.get("Plans", ()):
            yield from scans(child)

    rows = connection.execute(f"explain (analyze, buffers, format json) {query}").fetchall()
    return list(scans(rows[0][0][0]["Plan"]))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_of_the_site_has_its_plan(site: tuple[Connection, Path], path: Path) -> None:
    connection, compiled = site
    stated = set(re.findall(r"^-- plan: (.+) on (\w+)$", path.read_text(), re.MULTILINE))
    found = plan(connection, (compiled / path.relative_to(PROJECT)).read_text())
    assert found
    assert {
        (node["Node Type"], node["Relation Name"]) for node in found if node["Relation Name"] not in SMALL
    } == stated
    for node in found:
        assert node["Relation Name"] in SMALL or node["Node Type"] != "Seq Scan"
        if "snapshot" in node["Relation Name"]:
            assert node.get("Heap Fetches", 0) == 0
