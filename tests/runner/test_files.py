"""A source from a CSV or Parquet file."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from python_runner.errors import RunnerError, UsageError
from python_runner.ingest import files
from python_runner.ingest.clean import clean
from python_runner.ingest.files import read_csv, read_parquet
from python_runner.sources import Source, read_sources
from tests.runner.samples import declared, examples

Read = Callable[[Path, Source], Iterator[pa.Table]]
PRICES = read_sources()["edition_price_scrape"]
TEXT = "Edition_ID,extra,LOWEST_ASK,avg_sale,top_sale\nED123,x,5600,13491.44,\n7,y,,,\n"


def rows(path: Path) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for page in read_csv(path, PRICES) for row in page.to_pylist()]


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz"])
def test_columns_are_found_by_name_and_come_as_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode())
    assert rows(path) == [("ED123", "5600", "13491.44", None), ("7", None, None, None)]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("edition_id,lowest_ask\n1,2\n")
    with pytest.raises(UsageError, match="has no column avg_sale, top_sale: edition_price_scrape needs it"):
        rows(path)


@pytest.mark.parametrize("content", [b"edition_id,lowest_ask,avg_sale,top_sale\n1,2\n", b"", b"\x00\xff\xfe\n"])
def test_a_malformed_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(RunnerError) as caught:
        rows(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parquet_keeps_its_types_and_finds_columns_by_name(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    given = {"TOP_SALE": [3.5, None], "extra": ["x", "y"], "Edition_ID": ["ED123", "7"], "avg_sale": [2, 1]}
    parquet.write_table(pa.table(given | {"lowest_ask_usd": [1.25, 0.1]}), path)
    (page,) = read_parquet(path, PRICES)
    assert page.column_names == PRICES.column_names
    assert [tuple(row.values()) for row in page.to_pylist()] == [("ED123", 1.25, 2, 3.5), ("7", 0.1, 1, None)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"edition_id": ["1"], "lowest_ask": [1]}, "has no column avg_sale, top_sale"),
        ({"edition_id": ["1"], "lowest_ask": [[1]], "avg_sale": [1], "top_sale": [1]}, "column lowest_ask is nested"),
    ],
)
def test_a_parquet_file_of_another_shape_is_refused(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    path = tmp_path / "prices.parquet"
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(UsageError, match=message):
        list(read_parquet(path, PRICES))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"edition_id,lowest_ask\n1,2\n"])
def test_what_is_not_parquet_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prices.parquet"
    path.write_bytes(content)
    with pytest.raises(RunnerError, match="is not a Parquet file") as caught:
        list(read_parquet(path, PRICES))
    assert "\n" not in str(caught.value)


PAIRS = declared(
    "pairs", {"name": "a", "data_type": "text", "required": True}, {"name": "b", "data_type": "text"}, key="a"
)
fields = st.text(st.sampled_from('ab",\n\r é'), max_size=8)


def quoted(value: str, always: bool) -> str:
    return '"' + value.replace('"', '""') + '"' if always or set(value) & set('",\r\n') else value


@examples(150)
@given(
    rows=st.lists(st.tuples(fields, fields, st.booleans()), min_size=1, max_size=30),
    line_break=st.sampled_from(["\n", "\r\n"]),
    ends=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    block=st.sampled_from([64, 65, 67, 100, 1000]),
)
def test_csv_is_read_as_rfc_4180_says_at_any_block_boundary(
    tmp_path: Path, rows: list[tuple[str, str, bool]], line_break: str, ends: bool, mark: bytes, block: int
) -> None:
    """And as Python's csv module reads it, which does not distinguish empty text from NULL."""
    lines = ["a,b", *(f"{quoted(a or 'x', always)},{quoted(b, always)}" for a, b, always in rows)]
    text = line_break.join(lines) + line_break * ends
    path = tmp_path / "pairs.csv"
    path.write_bytes(mark + text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK_BYTES", block)
        got = [tuple(row.values()) for page in read_csv(path, PAIRS) for row in page.to_pylist()]
    assert got == [(a or "x", b if b or always else None) for a, b, always in rows]
    assert [(a, b or "") for a, b in got] == [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'a,b\n1,2\n5" disc,x\n', "line 3 has a quote inside a field that is not quoted"),
        (b'a,b\n"x\ny","a"b\n', "line 3 has text after the quote that ends a field"),
        (b'a,b\n1,"Ann "The Rock" S"\n', "line 2 has "),
        (b'a,b\n"never closed,2\n3,4\n', "line 4 has the end of the file inside a quoted field"),
        (b"a,b\n1,2\r3,4\n", "line 2 has a carriage return outside quotes without a line feed"),
        (b"a,b\n1,2\r", "line 2 has a carriage return"),
        (b"a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        (b"\xff\xfea\x00,\x00b\x00\n\x00", "is UTF-16: save it as UTF-8"),
        (b"a\x00,\x00b\x00\n\x00", "is UTF-16: save it as UTF-8"),
        (b"PK\x03\x04\x1b[2J\n12\n", "has no column a, b: pairs needs it \\(header: PK\ufffd\ufffd\ufffd\\[2J\\)"),
        (b"a,b\n\x1b]0;x\x07\n", "Expected 2 columns, got 1: \ufffd]0;x\ufffd"),
        (b"", "is empty: a CSV file has at least a header"),
        (b"\xef\xbb\xbf", "is not a CSV file"),
        (b"a,b,A\n1,2,3\n", "has two columns a: keep one of them"),
        (b"\xe9,b\n1,2\n", "is not a CSV file"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4], "cannot be decompressed: .* truncated or damaged"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0) + b"more", "cannot be decompressed"),
    ],
)
def test_what_readers_of_csv_disagree_about_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    with pytest.raises(RunnerError, match=message) as caught:
        list(read_csv(path, PAIRS))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b", []),
        (b"a,b\r\n", []),
        (b"\n\nA,B \n\n1,2\n\n3,4", [("1", "2"), ("3", "4")]),
        (b'b,a\n"",x\n,y\n', [("x", ""), ("y", None)]),
        (b"a,b\n\xe9,\x00\n", [(b"\xe9", "\x00")]),
        (gzip.compress(b"a,b\n1,2\n", mtime=0) + gzip.compress(b"3,4\n", mtime=0), [("1", "2"), ("3", "4")]),
    ],
)
def test_other_shapes_of_csv_are_read(tmp_path: Path, content: bytes, expected: list[tuple[Any, ...]]) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    assert [tuple(row.values()) for page in read_csv(path, PAIRS) for row in page.to_pylist()] == expected


def test_a_quoted_field_may_lie_across_blocks_of_the_real_size(tmp_path: Path) -> None:
    path, name = tmp_path / "pairs.csv", '"Ann\r\nDallas, Texas, USA"'
    begin = "a,b\n" + f"x,{'y' * 500}\n" * (files.BLOCK_BYTES // 503)
    with path.open("w", newline="") as file:
        file.write(begin)
        file.write("x," + "z" * (files.BLOCK_BYTES - len(begin) - 2 - 6) + "\n" + f"{name},{name}\n" * 3)
    rows = [row for page in read_csv(path, PAIRS) for row in page.to_pylist()]
    assert rows[-3:] == [{"a": "Ann\r\nDallas, Texas, USA", "b": "Ann\r\nDallas, Texas, USA"}] * 3


@pytest.mark.parametrize("read", [read_csv, read_parquet])
@pytest.mark.parametrize("what", ["folder", "absent", "unreadable", "none.csv.gz"])
def test_a_path_that_is_no_such_file_is_one_line(tmp_path: Path, read: Read, what: str) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "unreadable":
        path.write_text("a,b\n1,2\n")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    elif what != "absent":
        path.write_text("a,b\n1,2\n")
    with pytest.raises(RunnerError, match=str(path)) as caught:
        read(path, PAIRS)
    assert "\n" not in str(caught.value)


@examples(100)
@given(
    content=st.one_of(st.binary(max_size=200), st.text('a,b"\n\r', max_size=60).map(lambda t: b"a,b\n" + t.encode()))
)
def test_any_bytes_are_rows_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anything"
    path.write_bytes(content)
    for read in (read_csv, read_parquet):
        rows_or_one_line(read, path)


def rows_or_one_line(read: Read, path: Path) -> None:
    try:
        for page in read(path, PAIRS):
            assert clean(page, PAIRS).rows.num_rows <= len(page)
    except RunnerError as error:
        assert "\n" not in str(error)  # noqa: PT017


@examples(60)
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_parquet_file_is_rows_or_one_line(tmp_path: Path, at: float, byte: int, cut: bool) -> None:
    path = tmp_path / "damaged.parquet"
    parquet.write_table(pa.table({"a": ["x", "y"] * 50, "b": ["é", None] * 50}), path)
    content = bytearray(path.read_bytes())
    position = int(at * len(content))
    content[position] = byte
    path.write_bytes(content[:position] if cut else content)
    rows_or_one_line(read_parquet, path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([[1]]), "column b is nested: has type list"),
        (pa.array([{"x": 1}]), "is nested"),
        (pa.array([1], pa.time64("us")), "has type time64.*cannot become text: store it as text"),
        (pa.array([1], pa.duration("us")), "has type duration"),
        (pa.array([b"0" * 16], pa.uuid()), "has type extension<arrow.uuid>"),
    ],
)
def test_a_parquet_type_that_has_no_conversion_is_refused(tmp_path: Path, values: pa.Array, message: str) -> None:
    path = tmp_path / "pairs.parquet"
    parquet.write_table(pa.table({"a": ["x"], "b": values}), path)
    with pytest.raises(UsageError, match=message) as caught:
        read_parquet(path, PAIRS)
    assert "\n" not in str(caught.value)


def test_parquet_with_other_types_is_read(tmp_path: Path) -> None:
    """Unsigned, not UTF-8, dictionaries, and times of old files, which are beyond the years of nanoseconds."""
    numbers = declared(
        "numbers",
        {"name": "id", "data_type": "bigint", "required": True},
        {"name": "word", "data_type": "text", "unusable": "null"},
        {"name": "day", "data_type": "date"},
    )
    path = tmp_path / "n.parquet"
    days = pa.array([datetime(68, 9, 3), datetime(2023, 11, 15), None], pa.timestamp("s"))  # noqa: DTZ001
    ids = pa.array([2**63 - 1, 2**63, 5], pa.uint64())
    table = pa.table({"id": ids, "word": pa.array([b"\xff", b"x", b"\xc3\xa9"]), "day": days})
    parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    (page,) = [clean(page, numbers) for page in read_parquet(path, numbers)]
    assert [(r.reason, r.loaded) for r in page.rejects] == [
        ("word is not UTF-8", True), ("id is not a bigint", False)
    ]  # fmt: skip
    assert [str(row["day"]) for row in page.rows.to_pylist()] == ["0068-09-03", "None"]
    assert page.rows.column("word").to_pylist() == [None, "é"]
    assert page.rejects[0].row["word"] == "\\xff"
