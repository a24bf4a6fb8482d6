"""A source from a CSV or Parquet file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from python_runner.errors import RunnerError, UsageError
from python_runner.ingest.files import read_csv, read_parquet
from python_runner.sources import read_sources

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
