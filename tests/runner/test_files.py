"""A source from a CSV file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from python_runner.errors import RunnerError, UsageError
from python_runner.files import read_csv
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
