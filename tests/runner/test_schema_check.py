"""A table of Snowflake that no longer is what the declaration says stops the load before anything is fetched."""

from __future__ import annotations

import pytest

from python_runner.errors import RunnerError
from python_runner.snowflake.client import Snowflake
from python_runner.snowflake.schema_check import check_columns
from python_runner.sources import read_sources
from tests.conftest import Warehouse


def check(warehouse: Warehouse) -> list[str]:
    warnings: list[str] = []
    with Snowflake(warehouse.settings) as snowflake:
        check_columns(snowflake, list(read_sources().values()), warnings.append)
        assert snowflake.statements == 1
    return warnings


def test_an_added_column_is_a_warning(warehouse: Warehouse) -> None:
    assert check(warehouse) == []
    warehouse.execute("alter table WALLET_PROFILES add column country varchar")
    assert check(warehouse) == ["WALLET_PROFILES has columns that models/staging/_sources.yml lacks: COUNTRY"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("drop table WALLET_PROFILES", "no table WALLET_PROFILES: check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA"),
        ("alter table WALLET_PROFILES drop column display_name", "WALLET_PROFILES.display_name is missing"),
        (
            "alter table EDITION_PRICE_SCRAPE rename column lowest_ask to lowest_ask_usd",
            "EDITION_PRICE_SCRAPE.lowest_ask is missing",
        ),
        (
            "alter table ALLDAY_WALLET_HOLDINGS_CURRENT alter column last_event_ts set data type date",
            "last_event_ts has type DATE, which cannot become timestamptz",
        ),
    ],
)
def test_a_missing_or_retyped_column_is_named(warehouse: Warehouse, change: str, words: str) -> None:
    warehouse.execute(change)
    with pytest.raises(RunnerError, match=words) as raised:
        check(warehouse)
    assert "\n" not in str(raised.value)
