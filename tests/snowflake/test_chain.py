"""The source tables from the chain's events: a full build and any sequence of increments give the same."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from tests.snowflake import events
from tests.snowflake.warehouse import Warehouse
from tests.tiers import first_of

pytestmark = pytest.mark.snowflake

CHAIN = ("--select", "path:models/snowflake")
BUILDS = 5


def by_moment(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["nft_id"])


def check(warehouse: Warehouse, arrived: list[events.Event]) -> None:
    assert by_moment(warehouse.rows("ALLDAY_WALLET_HOLDINGS_CURRENT")) == by_moment(events.holdings(arrived))
    assert by_moment(warehouse.rows("ALLDAY_CORE_NFT_METADATA")) == by_moment(events.metadata(arrived))


def test_every_rule_and_every_test_of_the_models_holds(chain_warehouse: Warehouse) -> None:
    chain_warehouse.execute(events.CREATE, events.insert(events.history(random.Random(0))))
    built = chain_warehouse.dbt("build", *CHAIN, "--full-refresh")
    assert {"model", "test", "unit_test"} <= {str(result.node.resource_type) for result in built.results}


@pytest.mark.parametrize("seed", first_of(range(int(os.environ.get("CHAIN_HISTORIES", "3")))))
def test_late_repeated_and_reordered_blocks_leave_no_trace(chain_warehouse: Warehouse, seed: int) -> None:
    chance = random.Random(seed)
    arrived: list[events.Event] = []
    chain_warehouse.execute(events.CREATE)
    for number, batch in enumerate(events.deliveries(chance, events.history(chance), BUILDS)):
        if batch:
            chain_warehouse.execute(events.insert(batch))
        arrived += batch
        chain_warehouse.dbt("run", *CHAIN, *(["--full-refresh"] if number == 0 else []))
        check(chain_warehouse, arrived)
    chain_warehouse.dbt("run", *CHAIN, "--full-refresh")
    check(chain_warehouse, arrived)
