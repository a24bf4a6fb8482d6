"""docs/values.md: any value of any format is loaded as it is, nulled, rejected with its reason, or refused.

`HYPOTHESIS_PROFILE=thorough` tries twenty times as many, or HYPOTHESIS_EXAMPLES times.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from python_runner.data_types import NAMES
from python_runner.ingest.clean import Page, clean
from python_runner.ingest.files import read_csv, read_parquet
from python_runner.ingest.load import load_from_file
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import open_pool
from python_runner.project import PROJECT
from python_runner.sources import Source
from tests.conftest import Database
from tests.runner.conversions import UNUSABLE, converted
from tests.runner.samples import ARROW, BINARY, SAMPLES, TEXTS, TYPES, array, examples, padded, python_value


def expected(column: str, given: Any) -> tuple[Any, bool]:
    """What a column has in the end, and whether that is reported."""
    if given is UNUSABLE or given is None:
        return None, given is UNUSABLE
    written = TYPES[column]
    sizes = tuple(int(size) for size in re.findall(r"\d+", written))
    kind = re.sub(r"\(.*", "", written).replace("decimal", "numeric")
    if kind not in {"text", "varchar"}:
        value = converted(kind, given, sizes)
        return (None, True) if value is UNUSABLE else (value, False)
    text = given.replace("\x00", "")
    if column == "cut":
        cut = text.encode()[:10].decode(errors="ignore")
        return cut, cut != given
    fits = len(text) <= (sizes[0] if sizes else 10_000)
    return (text, text != given) if fits else (None, True)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, str) and isinstance(other, Decimal):  # a numeric of any scale travels as text
        return Decimal(one) == other
    return type(one) is type(other) and bool(one == other)


def check(page: Page, rows: Sequence[dict[str, Any]]) -> None:
    """Every value is as expected, and each value that is not the one given is reported."""
    assert page.rows.num_rows == len(rows)
    reported = iter(page.rejects)
    for row, got in zip(rows, page.rows.drop_columns("id").to_pylist(), strict=True):
        wanted = {name: expected(name, given) for name, given in row.items()}
        for name, (value, _) in wanted.items():
            assert same(got[name], value), (name, row[name], got[name], value)
        if any(told for _, told in wanted.values()):
            reject = next(reported)
            told = {reason.split(" ")[0] for reason in reject.reason.split("; ")}
            assert told == {name for name, (_, told) in wanted.items() if told}, (reject, row)
            assert reject.loaded
    assert next(reported, None) is None


def page_of(columns: Sequence[pa.Array], declared: Source = SAMPLES) -> Page:
    table = pa.table([pa.array(range(len(columns[0])), pa.int64()), *columns], names=declared.column_names)
    return clean(table, declared)


@examples(60)
@given(st.lists(st.tuples(*(st.none() | padded for _ in TYPES)), min_size=1, max_size=12))
def test_text_is_converted_as_the_table_says(rows: list[tuple[str | None, ...]]) -> None:
    """As from Snowflake's VARCHAR, and CSV."""
    page = page_of([pa.array(column, pa.string()) for column in zip(*rows, strict=True)])
    check(page, [dict(zip(TYPES, row, strict=True)) for row in rows])


@pytest.mark.parametrize("kind", ARROW)
@examples(12)
@given(data=st.data())
def test_typed_values_are_converted_as_the_table_says(kind: str, data: st.DataObject) -> None:
    """As from Snowflake's other types, and Parquet: the same values into a column of each type."""
    values = data.draw(st.lists(st.none() | ARROW[kind][1], min_size=1, max_size=8))
    page = page_of([array(kind, values)] * len(TYPES))
    given = [python_value(kind, value) for value in values]
    if kind.endswith(("string", "bytes", "view", "dictionary")):
        check(page, [dict.fromkeys(TYPES, value) for value in given])
        return
    rows = []
    for value, text in zip(given, page.rows.column("word").to_pylist(), strict=True):
        assert (text is None) == (value is None or value is UNUSABLE)
        assert text is None or says(text, value), (text, value)
        rows.append({name: value if name not in TEXTS or text is None else text for name in TYPES})
    check(page, rows)


def says(text: str, value: Any) -> bool:
    """Whether the text of a value has all of it."""
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, (float, np.floating)):
        return same(float(type(value)(text)), float(value))
    if isinstance(value, (int, Decimal)):
        return Decimal(text) == value
    moment = converted("date" if len(text) == len("2025-06-01") else "moment", text)
    return bool(moment == value)


def test_every_supported_type_is_in_the_table() -> None:
    page = (PROJECT / "docs/values.md").read_text()
    first_cells = " ".join(re.findall(r"^\|([^|]*)\|", page, re.MULTILINE))
    assert set(re.findall(r"`([a-z ]+)", first_cells)) >= {*NAMES.values(), "varchar"}


def field(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def in_postgres(database: Database, declared: Source, pages: Iterator[pa.Table]) -> list[dict[str, Any]]:
    with open_pool(database.settings) as pool:
        pool.run_with_retry(lambda connection: raw_schema.create_tables(connection, [declared]))
        load_from_file(pool, declared, pages, full=True, progress=SourceProgress())
    return database.rows(f"select {', '.join(declared.column_names[1:])} from raw.{declared.name} order by id")


def check_postgres(got: Sequence[dict[str, Any]], given_rows: Sequence[dict[str, Any]]) -> None:
    assert len(got) == len(given_rows)
    for row, loaded in zip(given_rows, got, strict=True):
        for name, value in loaded.items():
            wanted = expected(name, row[name])[0]
            if TYPES[name] == "real" and wanted is not None:  # Postgres writes the shortest text of a real
                value, wanted = float(np.float32(value)), float(np.float32(wanted))  # noqa: PLW2901
            assert same(value, wanted), (name, row[name], value, wanted)


@pytest.mark.database
@pytest.mark.parametrize("copied", ["as text", "as binary"])
@pytest.mark.parametrize("route", ["csv", "parquet"])
@examples(4)
@given(rows=st.lists(st.tuples(*(st.none() | padded for _ in TYPES)), min_size=1, max_size=25))
def test_what_is_in_postgres_is_what_was_given(
    database: Database, tmp_path: Path, copied: str, route: str, rows: list[tuple[str | None, ...]]
) -> None:
    """A source with a numeric of any scale is copied as text, others as binary."""
    declared = SAMPLES if copied == "as text" else BINARY
    given_rows = [dict(zip(TYPES, row, strict=True)) for row in rows]
    path = tmp_path / f"samples.{route}"
    if route == "csv":
        lines = [",".join([str(i), *map(field, row)]) for i, row in enumerate(rows)]
        path.write_text("\r\n".join([",".join(SAMPLES.column_names), *lines]), newline="")
        pages = read_csv(path, declared)
        given_rows = [
            {name: None if value == "" and name not in TEXTS else value for name, value in row.items()}
            for row in given_rows
        ]
    else:
        columns = {name: pa.array([row[name] for row in given_rows], pa.string()) for name in TYPES}
        parquet.write_table(pa.table({"id": pa.array(range(len(rows)), pa.int32()), **columns}), path)
        pages = read_parquet(path, declared)
    check_postgres(in_postgres(database, declared, pages), given_rows)


EDGES: dict[str, list[Any]] = {
    "word": ["", "é😀", '"\r\n\\.', "\\.", "\\N", "NULL", " x ", "a,b"],
    "fixed": ["", "ééééé", "     ", "x", None],
    "small": [-32768, 32767, 0],
    "medium": [-(2**31), 2**31 - 1],
    "big": [-(2**63), 2**63 - 1],
    "exact": ["1e-399", "-0.000", "123456789012345678901234567890.5", "9" * 400, "1e399"],
    "price": ["999999.99", "-999999.99", "0.01", "-0.005", "0"],
    "fine": ["9999999999999999999999999999.9999999999", "-0.0000000001", "100000", "20000.0003"],
    "single": [3.4028234663852886e38, -1e-45, 0.1, "nan", "-inf"],
    "double": [1.7976931348623157e308, -5e-324, 0.1, "nan", "inf", -0.0],
    "day": ["0001-01-01", "9999-12-31", "1969-12-31", "2000-02-29"],
    "local": ["1970-01-01 00:00:00", "2099-12-31 23:59:59.999999"],
    "moment": ["1970-01-01T00:00:00Z", "2099-12-31 18:59:59.999999-05", "2000-01-01 00:00:00.000001"],
}  # fmt: skip


@pytest.mark.database
@pytest.mark.parametrize("copied", ["as text", "as binary"])
def test_the_edges_of_each_type_arrive(database: Database, tmp_path: Path, copied: str) -> None:
    declared = SAMPLES if copied == "as text" else BINARY
    longest = max(map(len, EDGES.values()))
    filled = {n: [None if v is None else str(v) for v in EDGES.get(n, [])] for n in TYPES}
    filled = {n: values + [None] * (longest - len(values)) for n, values in filled.items()}
    path = tmp_path / "edges.parquet"
    parquet.write_table(
        pa.table({"id": range(longest), **{n: pa.array(v, pa.string()) for n, v in filled.items()}}), path
    )
    got = in_postgres(database, declared, read_parquet(path, declared))
    check_postgres(got, [{n: filled[n][i] for n in TYPES} for i in range(longest)])
    assert database.value("select count(*) from raw.rejected_rows") == 0
    got = in_postgres(database, declared, read_parquet(path, declared))
    assert database.value(f"select count(*) from raw.{declared.name}_changes") == 0, "equal values are no change"
