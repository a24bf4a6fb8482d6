"""What is kept of a row that cannot be loaded never stops a load, whatever it contains and however large it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_runner.ingest.clean import clean
from python_runner.ingest.files import read_csv
from python_runner.ingest.kept import PAGE_CHARACTERS, Room, dumps
from python_runner.ingest.load import LoadResult, load_from_file
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres.pool import open_pool
from python_runner.sources import read_sources
from tests.conftest import Database, Loader, Warehouse, prepare
from tests.runner.samples import declared, examples

HOLDINGS = read_sources()["wallet_holdings"]
Load = Callable[[bytes], LoadResult]


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    source = HOLDINGS.model_copy(update={"reject_limit": 1})

    def load(rows: bytes) -> LoadResult:
        path = tmp_path / "holdings.csv"
        path.write_bytes(b"nft_id,wallet_address,is_locked,last_event_ts\n" + rows)
        with open_pool(database.settings) as pool:
            prepare(pool)
            return load_from_file(pool, source, read_csv(path, source), full=False, progress=SourceProgress())

    return load


@pytest.mark.database
@pytest.mark.parametrize(
    ("wallet", "kept"),
    [
        (rb"\u0000", r"\u0000"),
        (rb"\\u0000\ud800", r"\\u0000\ud800"),
        (b"a\x00b", "a\ufffdb"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        ("😀é".encode(), "😀é"),
        (b"\\", "\\"),
    ],
)
def test_what_json_cannot_hold_is_replaced(load: Load, database: Database, wallet: bytes, kept: str) -> None:
    assert load(b"one," + wallet + b",true,\n").rows_rejected == 1
    assert database.value("""select "row" ->> 'wallet_address' from raw.rejected_rows""") == kept


@pytest.mark.database
def test_huge_rows_are_kept_in_part(load: Load, database: Database) -> None:
    """Two that begin alike are two."""
    rows = [b"one," + b"x" * 3_000_000 + end + b",true,\n" for end in (b"1", b"2")]
    assert load(b"".join(rows)).rows_rejected == 2
    sizes = database.rows("""select length("row"::text) as size from raw.rejected_rows""")
    assert [row["size"] < 2_000 for row in sizes] == [True, True]


@pytest.mark.database
def test_a_nul_in_snowflake_stops_nothing(database: Database, warehouse: Warehouse) -> None:
    warehouse.execute(
        "insert into WALLET_PROFILES select '0x' || chr(0) || i, 'A' || chr(0) from range(1, 6) as r (i)",
        "insert into ALLDAY_WALLET_HOLDINGS_CURRENT values ('0x' || chr(0), 'x' || chr(0), true, null)",
    )
    loaded = Loader(database, warehouse, reject_limit=1)("wallet_holdings", "wallet_profiles")
    assert [(one.rows_rejected, one.rows_nulled) for one in loaded] == [(1, 0), (0, 5)]
    assert database.value("select string_agg(wallet_address, ' ' order by 1) from raw.wallet_profiles") == (
        "0x1 0x2 0x3 0x4 0x5"
    )


def test_of_very_many_large_rows_the_keys_are_kept() -> None:
    columns = [{"name": "id", "data_type": "text", "required": True}]
    columns += [{"name": f"n{i}", "data_type": "integer"} for i in range(40)]
    wide = declared("wide", *columns)
    rows = 2_000
    table = pa.table([[f"k{i}" for i in range(rows)], *[["x" * 900] * rows] * 40], names=wide.column_names)
    room = Room()
    rejects = [reject for half in (table[:1_000], table[1_000:]) for reject in clean(half, wide, room).rejects]
    assert len(rejects) == rows
    assert len(dumps([reject.row for reject in rejects])) < 1.2 * PAGE_CHARACTERS
    assert (len(rejects[0].row), set(rejects[-1].row)) == (41, {"id", "left out"})
    assert len({dumps(reject.row) for reject in rejects}) == rows


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text(st.characters(categories=["Cs"]))
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@examples(100)
@given(values)
def test_any_value_becomes_json_that_postgres_takes(value: Any) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads(dumps(value), parse_constant=refuse)
    assert "\x00" not in repr(read)
    json.dumps(read, ensure_ascii=False).encode()  # no surrogates
