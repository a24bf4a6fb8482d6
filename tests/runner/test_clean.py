"""Pages of source rows become the declared types; what cannot is reported, nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_runner.ingest.clean import clean
from python_runner.sources import Source, read_sources
from tests.runner.samples import examples

SOURCES = read_sources()
HOLDINGS, PRICES = SOURCES["wallet_holdings"], SOURCES["edition_price_scrape"]
NOON = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)


def page(source: Source, *rows: tuple[Any, ...], types: list[pa.DataType] | None = None) -> Any:
    columns = [
        pa.array(values, type_) for values, type_ in zip(zip(*rows, strict=True), types or [None] * 9, strict=False)
    ]
    return clean(pa.table(columns, names=source.column_names), source)


keys = st.one_of(
    st.integers(0, 10**20).map(str),
    st.sampled_from([None, "", " 5", "+5", "-5", "-0", "007", "0x10", "1e3", "5.", "\u0663", "9" * 19, "one"]),
)
wallets = st.one_of(
    st.sampled_from([None, "", " ", "0xAB", "0xÉA", "\x1f0xA\x1f", "a\x00B", "\x00", "İ", "ẞ", "0x" + "A" * 2_000]),
    st.text(max_size=8),
)


@examples(100)
@given(st.lists(st.tuples(keys, wallets), min_size=1, max_size=12), st.integers(0, 11))
def test_a_row_becomes_the_same_whatever_is_beside_it(rows: list[tuple[Any, Any]], start: int) -> None:
    """Also in a part of a page."""
    names = [name for name in HOLDINGS.column_names if name not in {"nft_id", "wallet_address"}]
    columns = {"nft_id": pa.array([key for key, _ in rows], pa.string())}
    columns |= {"wallet_address": pa.array([wallet for _, wallet in rows], pa.string())}
    columns |= {name: pa.array(["true" if name == "is_locked" else None] * len(rows), pa.string()) for name in names}
    table = pa.table([columns[name] for name in HOLDINGS.column_names], names=HOLDINGS.column_names)

    def become(*parts: pa.Table) -> tuple[list[Any], list[Any]]:
        pages = [clean(part, HOLDINGS) for part in parts]
        return [row for p in pages for row in p.rows.to_pylist()], [reject for p in pages for reject in p.rejects]

    part = table.slice(start)
    assert become(part) == become(*(part.slice(row, 1) for row in range(len(part))))


@pytest.mark.parametrize("others", [[], ["0xAB"]])
def test_every_letter_is_made_lower_case(others: list[str]) -> None:
    wallets = ["0xÉÄŁA", *others]
    done = page(HOLDINGS, *((str(number), wallet, "true", None) for number, wallet in enumerate(wallets)))
    assert done.rows.column("wallet_address").to_pylist() == ["0xéäła", "0xab"][: len(wallets)]


@pytest.mark.parametrize("nft_id", ["17", " 17 ", 17])
@pytest.mark.parametrize(
    "moment", ["2025-06-01 12:00:00.123456", "2025-06-01T12:00:00.123456", NOON.replace(tzinfo=None)]
)
def test_a_usable_row_is_cast(nft_id: Any, moment: Any) -> None:
    done = page(HOLDINGS, (nft_id, "0xABCdef", "TRUE", moment))
    assert done.rows.to_pylist() == [
        {"nft_id": 17, "wallet_address": "0xabcdef", "is_locked": True, "last_event_ts": NOON}
    ]
    assert done.rejects == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, "0x1", "true", None), "nft_id is missing"),
        (("seventeen", "0x1", "true", None), "nft_id is not a bigint"),
        (("1.5", "0x1", "true", None), "nft_id is not a bigint"),
        (("9" * 30, "0x1", "true", None), "nft_id is not a bigint"),
        (("1", "  ", "true", None), "wallet_address is not a text"),
        (("1", "0x1", "maybe", None), "is_locked is not a boolean"),
        ((None, None, "true", None), "nft_id is missing; wallet_address is missing"),
    ],
)
def test_a_row_that_cannot_be_loaded_is_reported_as_it_came(row: tuple[Any, ...], reason: str) -> None:
    done = page(HOLDINGS, row, types=[pa.string()] * 4)
    assert done.rows.num_rows == 0
    assert [(d.reason, tuple(d.row.values()), d.loaded) for d in done.rejects] == [(reason, row, False)]


@pytest.mark.parametrize(
    "moment", ["1899-12-31 00:00:00", "2262-04-11 23:47:16", "0001-01-01", "yesterday", "2025-13-45", "2025-02-30"]
)
def test_an_unusable_timestamp_becomes_null_and_the_row_stays(moment: str) -> None:
    done = page(HOLDINGS, ("1", "0x1", "false", moment))
    assert done.rows.column("last_event_ts").to_pylist() == [None]
    assert [(d.reason, d.loaded) for d in done.rejects] == [
        ("last_event_ts is not a timestamptz of the years 1970 to 2099", True)
    ]


@pytest.mark.parametrize(
    ("given_price", "loaded"),
    [("12.5", "12.50"), (12.5, "12.50"), (Decimal("12.50"), "12.50"), ("1e3", "1000.00"), ("0", "0.00"), (None, None),
     (1_000_000.0, "1000000.00")],
)  # fmt: skip
def test_a_price_is_kept_to_the_cent(given_price: Any, loaded: str | None) -> None:
    done = page(PRICES, ("ED123", given_price, None, None))
    assert done.rows.column("lowest_ask_usd").to_pylist() == [loaded and Decimal(loaded)]


@pytest.mark.parametrize("price", ["-1", -0.01, "a lot", float("nan"), "1e30"])
def test_an_unusable_price_rejects_the_row(price: Any) -> None:
    done = page(PRICES, ("1", price, None, None))
    assert done.rows.num_rows == 0
    assert done.rejects[0].reason == "lowest_ask_usd is not a numeric of at least 0"


anything = st.one_of(
    st.none(), st.text(), st.integers().map(str), st.datetimes().map(str), st.sampled_from(["true", "F"])
)


@given(st.lists(st.tuples(anything, anything, anything, anything), max_size=20))
def test_no_row_is_lost_whatever_comes(rows: list[tuple[str | None, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 4
    table = pa.table([pa.array(c, pa.string()) for c in columns], names=HOLDINGS.column_names)
    done = clean(table, HOLDINGS)
    assert done.rows.num_rows + sum(not d.loaded for d in done.rejects) == len(rows)
    assert all(None not in (r["nft_id"], r["wallet_address"], r["is_locked"]) for r in done.rows.to_pylist())
