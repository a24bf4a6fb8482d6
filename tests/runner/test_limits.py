"""The most that is let in is taken by every table, index and sum; what is more is shortened or rejected."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from python_runner import refresh
from python_runner.console.progress import progress_listener
from python_runner.ingest.files import read_csv
from python_runner.ingest.load import LoadResult
from python_runner.sources import read_sources
from tests.conftest import Database

pytestmark = pytest.mark.database

SOURCES = read_sources()
CHANCE = random.Random(0)
MOST_MOMENTS = 10_000
HIGHEST = SOURCES["edition_price_scrape"].column("lowest_ask_usd").maximum
# A name of each text column of the metadata, of characters that take 2 bytes and 3 in upper case, or 3 and 2.
GROWING = "ɐɑɒɥɫɱɽẞȺȾ"


def incompressible(characters: int) -> str:
    return "".join(chr(CHANCE.randrange(0x4E00, 0x9FFF)) for _ in range(characters))


LONGEST_KEY = incompressible(333)
WALLET, EDITION, OTHER = "0" + LONGEST_KEY, LONGEST_KEY + "E", "ED2"
Load = Callable[[str, Iterable[tuple[Any, ...]]], LoadResult]


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    def load(name: str, rows: Iterable[tuple[Any, ...]]) -> LoadResult:
        source, path = SOURCES[name], tmp_path / f"{name}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([source.column_names, *rows])
        with progress_listener(as_json=False) as listener:
            return refresh.load_file(database.settings, source, read_csv(path, source), listener)

    return load


def metadata(moment: int, edition: str, text: str = "") -> tuple[Any, ...]:
    columns = SOURCES["nft_core_metadata"].columns
    given = {"nft_id": moment, "edition_id": edition}
    return tuple(given.get(c.name, text if c.shorten or c.name == "tier" else "") for c in columns)


def build(database: Database) -> None:
    with progress_listener(as_json=False) as listener:
        refresh.build(database.settings, listener)


@pytest.mark.slow
def test_the_longest_texts_and_the_highest_sums_are_built_and_refreshed(database: Database, load: Load) -> None:
    moments = range(1, MOST_MOMENTS + 1)
    held = [(m, WALLET, "true", "2025-06-01T10:00:00Z") for m in moments]
    load("wallet_holdings", [*held, (0, WALLET + "x", "true", "")])
    texts = [incompressible(333), "".join(CHANCE.choices(GROWING, k=333))]
    described = [metadata(m, EDITION, texts[m % 2] if m < 50 else "") for m in moments]
    loaded = load("nft_core_metadata", [*described, metadata(0, EDITION + "xx")])
    assert (loaded.rows_inserted, loaded.rows_rejected) == (MOST_MOMENTS, 1)
    loaded = load(
        "edition_price_scrape",
        [(EDITION, HIGHEST, HIGHEST, HIGHEST), (OTHER, "9999999999999", 1, 1), ("ED3", f"{HIGHEST}.01", 1, 1)],
    )
    assert (loaded.rows_inserted, loaded.rows_rejected) == (1, 2)
    loaded = load("wallet_profiles", [(WALLET, incompressible(3_000))])
    assert (loaded.rows_inserted, loaded.rows_nulled) == (1, 1)
    build(database)

    load("edition_price_scrape", [(EDITION, 0, HIGHEST, 1)])
    load("wallet_profiles", [(WALLET, "Ann" + incompressible(3_000))])
    build(database)
    (row,) = database.rows("select moments_total, floor_value, asp_value, display_name from wallet_summary_snapshot")
    assert (row["moments_total"], row["floor_value"]) == (MOST_MOMENTS, 0)
    assert row["asp_value"] == Decimal(MOST_MOMENTS) * HIGHEST  # type: ignore[operator]
    assert row["display_name"].startswith("Ann")
    assert 997 < len(row["display_name"].encode()) <= 1_000
    assert {
        tuple(r.values()) for r in database.rows("select distinct source, reason, loaded from raw.rejected_rows")
    } == {
        ("wallet_holdings", "wallet_address is longer than 1,000 bytes", False),
        ("nft_core_metadata", "edition_id is longer than 1,000 bytes", False),
        ("edition_price_scrape", "lowest_ask_usd is above 1,000,000,000", False),
        ("wallet_profiles", "display_name is longer than 1,000 bytes: shortened", True),
    }


def test_the_declared_maximum_keeps_every_sum_within_bigint() -> None:
    every_moment = 10_000_000
    for column in SOURCES["edition_price_scrape"].columns[1:]:
        assert column.maximum is not None
        assert 2 * column.maximum * 100 * every_moment < 2**63
