"""The benchmark runs, and what it found is what its page and the README show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import api, report
from benchmarks.variants import VARIANTS
from python_runner.project import PROJECT


@pytest.mark.slow
def test_every_way_is_measured_at_a_small_scale(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--scale", "50k", "--output", str(tmp_path)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert " s  refresh, moved_1pct: this project\n" in ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    page = (tmp_path / "results.md").read_text()
    ways, repriced = found["refresh"]["moved_1pct"], found["refresh"]["repriced_1pct"]
    assert set(ways) == {variant.name for variant in VARIANTS}
    assert all(way["seconds"] > 0 and way["wal_bytes"] > 0 for way in ways.values())
    assert {name for name, way in ways.items() if len(way["turns"]) == 2} == {"join_once", "truncate", "ours"}
    assert len(ways["ours"]["without_checkpoint"]["turns"]) == 2
    assert all(ways[name]["equal"] for name in ("truncate", "table", "materialized_view", "ours"))
    assert not ways["merge"]["equal"]  # it keeps the teams of which a wallet has nothing left
    assert set(repriced) == {"join_once", "merge", "delete_insert", "ours"}
    assert all(way["equal"] for way in repriced.values())  # no error of an earlier case
    for latency in found["readers"].values():
        assert latency["reads"] > latency["errors"] == latency["empty"] == 0
    assert set(found["growth"]["50000"]) == {"join_once", "ours", "ours_without_checkpoint", "turns"}
    assert {way: len(row["turns"]) for way, row in found["start"].items()} == {"cold": 1, "cold_parsed": 1, "warm": 1}
    assert {name for name, way in found["load"].items() if "rows_per_s" not in way} == {"sling", "ingestr"}
    assert len(found["load"]["ours_incremental"]["turns"]) == 2
    assert len(found["analytics"]["questions"]) == 11
    assert found["analytics"]["syncs"][-1]["refresh"] == 2
    for picture in ("refresh", "growth", "readers"):
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    for row in ("**this project, first load**", "the worker's process", "TRUNCATE + INSERT from one join"):
        assert f"| {row} |" in page
    _check_api(found["api"], page)


def _check_api(found: dict[str, Any], page: str) -> None:
    if not shutil.which("wrk"):
        assert f"Not measured: {found['missing']}." in page
        return
    for case in api.CASES:
        ways = found[case]
        assert set(ways) == ({"ours"} if found["peer"] else {"ours", "node"})
        assert all(one["per_s"] > 0 == one["errors"] for rounds in ways.values() for one in rounds)
    assert found["refresh"]["during"]["requests"] > 0
    assert "| a wallet, cached |" in page


def test_the_pages_show_what_was_measured() -> None:
    figures = json.loads((PROJECT / "benchmarks/results.json").read_text())
    readme = (PROJECT / "README.md").read_text()
    assert {place[1] for place in report.PLACE.findall(readme)} == set(report.SHOWN)
    assert report.with_figures(readme, figures) == readme
    assert report.document(figures) == (PROJECT / "benchmarks/results.md").read_text()


def test_rebuilds_and_turns_are_shown_by_their_median() -> None:
    """A rebuild's figures are those of all cases; of other ways those of the case."""

    def way(*turns: float) -> dict[str, Any]:
        return {"seconds": turns[0], "turns": list(turns), "equal": True}

    figures = {
        "refresh": {
            "unchanged": {"truncate": {"seconds": 90.0, "equal": True}, "ours": way(1.0)},
            "moved_1pct": {"truncate": way(300.0, 100.0), "ours": way(2.0, 8.0, 4.0), "table": way(50.0)},
        },
        "readers": {"truncate": {"max_ms": 5000}, "ours": {"max_ms": 100}},
        "runs": {"refresh": {"held": 6_100_000}},
        "machine": {"cores": 2},
    }
    assert "takes 4.00 s of database time: 25.0 times faster than TRUNCATE + INSERT." in report.claim(figures)
    shown = report.comparison(figures)
    assert "| TRUNCATE + INSERT | 100 | 90.0 to 300 | yes | 5,000 |" in shown
    assert "| **this project** | 4.00 | 2.00 to 8.00 | yes | 100 |" in shown
    assert "| dbt `table` | 50.0 |  | yes |  |" in shown


def test_only_what_was_measured_is_written_into_a_page() -> None:
    page = "a <!-- measured: first loads -->old<!-- /measured --> b\n<!-- measured: claim -->old<!-- /measured -->\n"
    figures = {"load": {"ours": {"rows_per_s": 2000}, "dlt_stock": {"rows_per_s": 1000}}}
    assert report.with_figures(page, figures) == page.replace(
        "old", "A first load brings 2,000 rows a second here, and 1,000 with dlt", 1
    )
