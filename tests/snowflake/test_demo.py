"""`runner demo --from-events`: the events become source tables, and these the published ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_runner.console.progress import progress_listener
from python_runner.demo import chain, sample, stand_in, story
from tests.conftest import Database
from tests.snowflake.warehouse import bounded

pytestmark = pytest.mark.snowflake

# The last of its deposits, withdraws and burns says who owns a moment.
OWNERS = f"""
select event_data ->> 'id' as id, arg_max(event_data ->> 'to', (block_height, event_type = 'Deposit')) as owner
from {chain.SCHEMA}.FACT_EVENTS
where tx_succeeded and event_type in ('Deposit', 'Withdraw', 'MomentNFTBurned')
group by id
having 'Deposit'
    = arg_max(event_type, (block_height, case event_type when 'Withdraw' then 0 when 'Deposit' then 1 else 2 end))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(folder: Path) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch, progress_listener(as_json=False) as listener, bounded(600):
        patch.setattr(story, "FOLDER", folder)
        patch.setattr(story, "WAREHOUSE", folder / "snowflake")
        try:
            yield story.demo(sample.Scale(12_000), listener, from_events=True)
        finally:
            story.stop()


def test_the_tables_are_what_the_events_say(result: dict[str, Any], folder: Path) -> None:
    events, day = result["events"], result["day"]
    assert events["minted"] > events["burned"] > 0
    assert events["failed"] > 0
    assert min(day["moved"], day["locked"], day["burned"], day["minted"]) > 0
    database = Database(result["database_url"], role="")
    held = {
        (str(row["nft_id"]), row["wallet_address"])
        for row in database.rows("select nft_id, wallet_address from raw.wallet_holdings")
    }
    stand_in.stop(folder / "snowflake")
    with duckdb.connect(str(folder / "snowflake" / f"{chain.DATABASE}.db"), read_only=True) as connection:
        assert held == set(connection.execute(OWNERS).fetchall())
    assert database.value("select sum(moments_total) from wallet_summary_snapshot") == len(held)


def test_it_is_printed_for_people(result: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    story.print_story(result)
    assert capsys.readouterr().out.count("The source tables, derived from the events of the chain on Snowflake:") == 2
