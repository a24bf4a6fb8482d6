"""docs/values.md: any value of any format is loaded as it is, nulled, rejected with its reason, or refused.

`HYPOTHESIS_PROFILE=thorough` tries twenty times as many, or HYPOTHESIS_EXAMPLES times.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
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

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
TIMES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "20")) if THOROUGH else 1


def examples(count: int) -> Any:
    return settings(
        max_examples=count * TIMES, deadline=None, database=None, derandomize=not THOROUGH,
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip


TYPES = {
    "word": "text", "cut": "text", "fixed": "varchar(5)", "small": "smallint", "medium": "integer", "big": "bigint",
    "exact": "numeric", "price": "numeric(8, 2)", "fine": "decimal(38, 10)", "whole": "numeric(5)", "single": "real",
    "double": "double precision", "flag": "boolean", "day": "date", "local": "timestamp", "moment": "timestamptz",
}  # fmt: skip
EXTRAS: dict[str, dict[str, Any]] = {"word": {"max_bytes": 10_000}, "cut": {"max_bytes": 10, "shorten": True}}


TEXTS = ("word", "cut", "fixed")


def source(name: str, *left_out: str) -> Source:
    columns: list[Any] = [{"name": "id", "data_type": "bigint", "required": True}]
    columns += [
        {"name": n, "data_type": t, "unusable": "null"} | EXTRAS.get(n, {}) for n, t in TYPES.items() if n not in left_out
    ]
    return Source(name=name, snowflake_table="SAMPLES", key="id", incremental="whole", columns=columns)  # type: ignore[arg-type]


SAMPLES, BINARY = source("samples"), source("binary_samples", "exact")

days = st.dates(date(1, 1, 1), date(9999, 12, 31)).map(str)
clocks = st.from_regex(re.compile(r"[ Tt](?:[01]\d|2[0-4]):[0-6]\d(?::[0-6]\d(?:[.,]\d{1,12})?)?", re.ASCII), fullmatch=True)
zones = st.one_of(
    st.sampled_from(["", "", "Z", "z", " UTC", " gmt", "+00", " -0530", "+14:00", "-16:00", "+01:60"]),
    st.from_regex(re.compile(r" ?[+-][01]\d(?::?[0-6]\d)?", re.ASCII), fullmatch=True),
)
times = st.one_of(
    days,
    st.tuples(st.one_of(days, st.dates(date(1969, 12, 30), date(2100, 1, 2)).map(str)), clocks, zones).map("".join),
    st.sampled_from(["2025-02-29", "2024-02-29", "1900-02-29", "0000-01-01", "2025-04-31 00:00:00", "2025-06-01T10:00:00Z",
                     "1970-01-01 00:00:00", "1969-12-31 23:59:59.9999999", "2099-12-31 23:59:59.9999999", "20250601"]),
)  # fmt: skip
numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9).map(str),
    st.floats().map(repr),
    st.from_regex(re.compile(r"[+-]?\d{0,45}\.?\d{0,45}(?:[eE][+-]?\d{1,3})?", re.ASCII), fullmatch=True),
    st.sampled_from(["0.005", "-0.005", "2.675", "1e400", "1e-400", "5e-324", "+5", ".5", "5.", "-0", "007", "1_0", "0x10",
                     "999999.994", "999999.995", "32768", "9223372036854775808", "1" * 401, "NaN", "-Infinity", "1e39",
                     "9.9999999995e27", "16777217", "0.30000001192092896", "1e-46", "12,5"]),
)  # fmt: skip
words = st.one_of(st.sampled_from(["true", "T", "no", "ON", "0", "maybe", "", " ", "\x00", "a\x00b", "\\u0000"]), st.text(max_size=30))
texts = st.one_of(times, numbers, words)
padded = st.one_of(texts, st.tuples(st.sampled_from([" ", "\t", ""]), texts, st.sampled_from(["  ", ""])).map("".join))

seconds = st.integers(-62_135_596_800, 253_402_300_799)
around = st.one_of(seconds, st.integers(0, 4_102_444_800), st.sampled_from([0, -1, 4_102_444_799, 4_102_444_800, -(2**62), 2**62]))
ARROW: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    **{f"int{n}": (getattr(pa, f"int{n}")(), st.integers(-(2 ** (n - 1)), 2 ** (n - 1) - 1)) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (getattr(pa, f"uint{n}")(), st.integers(0, 2**n - 1)) for n in (8, 64)},
    "double": (pa.float64(), st.one_of(st.floats(), st.integers(-(10**6), 10**6).map(float), st.sampled_from([2.675, 1.005, 0.125]))),
    "float": (pa.float32(), st.floats(width=32)),
    "halffloat": (pa.float16(), st.floats(width=16)),
    "decimal": (pa.decimal128(38, 4), st.decimals(-(10**12), 10**12, places=4)),
    "integral decimal": (pa.decimal128(38, 0), st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)),
    "wide decimal": (pa.decimal256(76, 40), st.decimals(-(10**35), 10**35, places=40)),
    "coarse decimal": (pa.decimal128(10, -2), st.integers(-99999, 99999).map(lambda n: Decimal(n) * 100)),
    "boolean": (pa.bool_(), st.booleans()),
    "date32": (pa.date32(), st.dates()),
    "date64": (pa.date64(), st.dates()),
    **{f"timestamp {unit} {zone}": (pa.timestamp(unit, tz=zone), around) for unit in ("s", "us") for zone in (None, "UTC", "America/New_York")},
    "timestamp ns": (pa.timestamp("ns"), st.integers(-(2**63), 2**63 - 1)),
    "string": (pa.string(), padded),
    "large string": (pa.large_string(), padded),
    "string view": (pa.string_view(), padded),
    "bytes": (pa.binary(), st.one_of(st.binary(max_size=12), padded.map(str.encode))),
    "fixed bytes": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), padded),
    "null": (pa.null(), st.none()),
}  # fmt: skip


def array(kind: str, values: Sequence[Any]) -> pa.Array:
    """Times are given as ticks: they reach further than Python's."""
    wanted = ARROW[kind][0]
    if pa.types.is_timestamp(wanted):
        return pa.array(values, pa.int64()).view(pa.timestamp(wanted.unit)).cast(wanted)
    if pa.types.is_float16(wanted):
        return pa.array([None if v is None else np.float16(v) for v in values], wanted)
    if pa.types.is_dictionary(wanted):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, wanted)


def python_value(kind: str, value: Any) -> Any:
    """The same value as the conversions of the test take it; UNUSABLE where Python has none."""
    wanted = ARROW[kind][0]
    if value is None:
        return None
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return UNUSABLE
    if pa.types.is_timestamp(wanted):
        per_second = {"s": 1, "us": 10**6, "ns": 10**9}[wanted.unit]
        whole, rest = divmod(value, per_second)
        if not -62_135_596_800 <= whole < 253_402_300_800:
            return UNUSABLE
        micros = rest * 10**6 // per_second
        return datetime.fromordinal(719_163 + whole // 86_400).replace(
            hour=whole % 86_400 // 3600, minute=whole % 3600 // 60, second=whole % 60, microsecond=micros,
            tzinfo=timezone.utc,
        )  # fmt: skip
    return np.float32(value) if wanted == pa.float32() else np.float16(value) if wanted == pa.float16() else value


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
    written = page.rows.column("word").to_pylist()
    if not kind.endswith(("string", "bytes", "view", "dictionary")):  # what their text says is the same value
        for value, text in zip(given, written, strict=True):
            assert (text is None) == (value is None or value is UNUSABLE)
            assert text is None or says(text, value), (text, value)
    rows = [
        {name: text if text is not None and "char" in TYPES[name] + " char" * (TYPES[name] == "text") else value
         for name in TYPES}
        for text, value in zip(written, given, strict=True)
    ]  # fmt: skip
    check(page, rows if not kind.endswith(("string", "bytes", "view", "dictionary")) else [dict.fromkeys(TYPES, v) for v in given])


def says(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, (float, np.floating)):
        return same(float(type(value)(text)), float(value))
    if isinstance(value, (int, Decimal)):
        return Decimal(text) == value
    return re.sub(r"(\.\d{6})\d*", r"\1", text.rstrip("Z")).startswith(f"{value:%m-%d %H:%M:%S}"[:5], 5) and int(text[:4]) == value.year


def test_every_supported_type_is_in_the_table() -> None:
    table = (PROJECT / "docs/values.md").read_text()
    assert set(re.findall(r"^\| `([a-z ]+)", table, re.MULTILINE)) >= {*NAMES.values(), "varchar"}


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
    parquet.write_table(pa.table({"id": range(longest), **{n: pa.array(v, pa.string()) for n, v in filled.items()}}), path)
    got = in_postgres(database, declared, read_parquet(path, declared))
    check_postgres(got, [{n: filled[n][i] for n in TYPES} for i in range(longest)])
    assert database.value("select count(*) from raw.rejected_rows") == 0
    got = in_postgres(database, declared, read_parquet(path, declared))
    assert database.value(f"select count(*) from raw.{declared.name}_changes") == 0, "equal values are no change"
