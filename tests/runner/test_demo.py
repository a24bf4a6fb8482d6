"""The demo, end to end: real servers, a day of changes, and tables that equal plain SQL over the raw ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from python_runner.console.progress import progress_listener
from python_runner.demo import sample, story
from python_runner.project import PROJECT
from tests.conftest import Database
from tests.runner.test_cli import runner

pytestmark = pytest.mark.slow

SUMMARY = """
select wallet_address, moments_total, locked_count, tier_rare, floor_value, asp_value, priced_moments
from wallet_summary_snapshot
"""
SUMMARY_FROM_RAW = """
select
    h.wallet_address,
    count(*),
    count(*) filter (where h.is_locked),
    count(*) filter (where e.tier = 'RARE'),
    coalesce(sum(p.lowest_ask_usd), 0),
    coalesce(sum(p.avg_sale_usd), 0),
    count(coalesce(p.lowest_ask_usd, p.avg_sale_usd))
from raw.wallet_holdings as h
left join raw.nft_core_metadata as m using (nft_id)
left join (
    select distinct on (edition_id) edition_id, upper(tier) as tier
    from raw.nft_core_metadata
    order by edition_id, serial_number, nft_id
) as e using (edition_id)
left join raw.edition_price_scrape as p using (edition_id)
group by h.wallet_address
"""
TEAMS = "select team_name, wallet_address, total_moments, locked_moments from top_wallets_by_team_snapshot"
TEAMS_FROM_RAW = """
select e.team_name, h.wallet_address, count(*), count(*) filter (where h.is_locked)
from raw.wallet_holdings as h
join raw.nft_core_metadata as m using (nft_id)
join (
    select distinct on (edition_id) edition_id, team_name
    from raw.nft_core_metadata
    order by edition_id, serial_number, nft_id
) as e using (edition_id)
where e.team_name is not null and h.wallet_address not in ('0xe4cf4bdc1751c65d', '0xb6f2481eba4df97b')
group by e.team_name, h.wallet_address
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch, progress_listener(as_json=False) as listener:
        patch.setattr(story, "FOLDER", folder)
        patch.setattr(story, "WAREHOUSE", folder / "snowflake")
        try:
            yield story.demo(sample.Scale(20_000), listener)
        finally:
            story.stop()


def test_the_story_adds_up(result: dict[str, Any]) -> None:
    first, refresh, day = result["first"], result["refresh"], result["day"]
    loaded = {one.source: one for one in first["loaded"]}
    assert all(one.baseline for one in loaded.values())
    assert loaded["wallet_holdings"].rows_fetched == result["sample"]["held"]
    assert loaded["wallet_holdings"].rows_rejected > 0
    ordinary, *_, burned = refresh["loaded"]
    assert ordinary.rows_inserted == day["minted"]
    assert burned.rows_deleted == day["burned"]
    assert first["built"].nodes["model"] == refresh["built"].nodes["model"]
    assert len(result["top_wallets"]) == 5


@pytest.mark.parametrize(
    ("published", "rebuilt"),
    [pytest.param(SUMMARY, SUMMARY_FROM_RAW, id="summary"), pytest.param(TEAMS, TEAMS_FROM_RAW, id="teams")],
)
def test_the_published_tables_equal_plain_sql(result: dict[str, Any], published: str, rebuilt: str) -> None:
    database = Database(result["database_url"])
    for one, other in ((published, rebuilt), (rebuilt, published)):
        assert database.value(f"select count(*) from ({one} except all {other}) as difference") == 0


def test_other_commands_can_use_its_servers(result: dict[str, Any], tmp_path: Path) -> None:
    loaded = runner("load", "--source", "wallet_profiles", "--json", cwd=tmp_path, **story.environment())
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout)["loaded"][0]["rows_fetched"] == result["sample"]["profiles"]


def test_it_is_printed_for_people(result: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    story.print_story(result)
    printed = capsys.readouterr().out
    page = (PROJECT / "docs/demo.md").read_text()
    assert outline(printed) == outline(page.split("```")[1])


def outline(text: str) -> list[str]:
    """The lines without numbers, and without the names of the wallets, which another scale does not share."""
    text = re.sub(r"(?m)^(?:0x\w{16}|collector-\d+).*\n", "", text)
    lines = [" ".join(re.sub(r"[\d,.]*\d", "#", line).split()) for line in text.splitlines()]
    return [line for line in lines if line]
