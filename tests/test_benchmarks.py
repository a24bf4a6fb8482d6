"""The benchmark runs, and what it found is what its page and the README show."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import api, report
from benchmarks.variants import VARIANTS
from python_runner.project import PROJECT


@pytest.mark.slow
def test_every_way_is_measured_at_a_small_scale(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--scale", "50k", "--output", str(tmp_path)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    ways = found["refresh"]["moved_1pct"]
    assert set(ways) == {variant.name for variant in VARIANTS}
    assert all(way["seconds"] > 0 and way["wal_bytes"] > 0 for way in ways.values())
    assert ways["ours"]["equal"]
    assert not ways["merge"]["equal"]  # it keeps the teams of which a wallet has nothing left
    assert all(way["equal"] for way in found["refresh"]["repriced_10pct"].values())  # no error of an earlier case
    for latency in found["readers"].values():
        assert latency["reads"] > latency["errors"] == latency["empty"] == 0
    assert set(found["growth"]["50000"]) == {"truncate", "ours"}
    assert {name for name, way in found["load"].items() if "rows_per_s" not in way} == {"sling", "ingestr"}
    assert len(found["analytics"]["questions"]) == 11
    assert found["analytics"]["syncs"][-1]["refresh"] == 4
    for picture in ("refresh", "growth", "readers"):
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert "| **this project, first load** |" in (tmp_path / "results.md").read_text()


@pytest.mark.slow
def test_the_api_is_measured_beside_its_peer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "api", "--scale", "50k", "--output", str(tmp_path)]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())["api"]
    page = (tmp_path / "results.md").read_text()
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
    assert report.comparison(figures) in readme
    assert report.summary(figures) in report.document(figures)
    assert report.document(figures) == (PROJECT / "benchmarks/results.md").read_text()
