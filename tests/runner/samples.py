"""Values of every type and format, and the source that has a column of each type."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from python_runner.sources import Source
from tests.runner.conversions import UNUSABLE

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
TIMES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "20")) if THOROUGH else 1


def examples(count: int) -> settings:
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        database=None,
        derandomize=not THOROUGH,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


TYPES = {
    "word": "text",
    "cut": "text",
    "fixed": "varchar(5)",
    "small": "smallint",
    "medium": "integer",
    "big": "bigint",
    "exact": "numeric",
    "price": "numeric(8, 2)",
    "fine": "decimal(38, 10)",
    "whole": "numeric(5)",
    "single": "real",
    "double": "double precision",
    "flag": "boolean",
    "day": "date",
    "local": "timestamp",
    "moment": "timestamptz",
}
EXTRAS: dict[str, dict[str, Any]] = {"word": {"max_bytes": 10_000}, "cut": {"max_bytes": 10, "shorten": True}}


TEXTS = ("word", "cut", "fixed")


def declared(name: str, *columns: dict[str, Any], key: str = "id", **settings: Any) -> Source:
    return Source.model_validate(
        {
            "name": name,
            "snowflake_table": name.upper(),
            "key": key,
            "incremental": "whole",
            "columns": columns,
            **settings,
        }
    )


def source(name: str, *left_out: str) -> Source:
    columns = [
        {"name": n, "data_type": t, "unusable": "null"} | EXTRAS.get(n, {})
        for n, t in TYPES.items()
        if n not in left_out
    ]
    return declared(name, {"name": "id", "data_type": "bigint", "required": True}, *columns)


SAMPLES, BINARY = source("samples"), source("binary_samples", "exact")

days = st.dates(date(1, 1, 1), date(9999, 12, 31)).map(str)
clocks = st.from_regex(
    re.compile(r"[ Tt](?:[01]\d|2[0-4]):[0-6]\d(?::[0-6]\d(?:[.,]\d{1,12})?)?", re.ASCII), fullmatch=True
)
zones = st.one_of(
    st.sampled_from(["", "", "Z", "z", " UTC", " gmt", "+00", " -0530", "+14:00", "-16:00", "+01:60"]),
    st.from_regex(re.compile(r" ?[+-][01]\d(?::?[0-6]\d)?", re.ASCII), fullmatch=True),
)
times = st.one_of(
    days,
    st.tuples(st.one_of(days, st.dates(date(1969, 12, 30), date(2100, 1, 2)).map(str)), clocks, zones).map("".join),
    st.sampled_from(
        [
            "2025-02-29",
            "2024-02-29",
            "1900-02-29",
            "0000-01-01",
            "2025-04-31 00:00:00",
            "2025-06-01T10:00:00Z",
            "1970-01-01 00:00:00",
            "1969-12-31 23:59:59.9999999",
            "2099-12-31 23:59:59.9999999",
            "20250601",
        ]
    ),
)
numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9).map(str),
    st.floats().map(repr),
    st.from_regex(re.compile(r"[+-]?\d{0,45}\.?\d{0,45}(?:[eE][+-]?\d{1,3})?", re.ASCII), fullmatch=True),
    st.sampled_from(
        [
            "0.005",
            "-0.005",
            "2.675",
            "1e400",
            "1e-400",
            "5e-324",
            "+5",
            ".5",
            "5.",
            "-0",
            "007",
            "1_0",
            "0x10",
            "999999.994",
            "999999.995",
            "32768",
            "9223372036854775808",
            "1" * 401,
            "NaN",
            "-Infinity",
            "1e39",
            "9.9999999995e27",
            "16777217",
            "0.30000001192092896",
            "1e-46",
            "12,5",
        ]
    ),
)
words = st.one_of(
    st.sampled_from(["true", "T", "no", "ON", "0", "maybe", "", " ", "\x00", "a\x00b", "\\u0000"]), st.text(max_size=30)
)
texts = st.one_of(times, numbers, words)
padded = st.one_of(texts, st.tuples(st.sampled_from([" ", "\t", ""]), texts, st.sampled_from(["  ", ""])).map("".join))

seconds = st.integers(-62_135_596_800, 253_402_300_799)
around = st.one_of(
    seconds,
    st.integers(0, 4_102_444_800),
    st.sampled_from([0, -1, 4_102_444_799, 4_102_444_800, -(2**62), 2**62]),
)
doubles = st.one_of(st.floats(), st.integers(-(10**6), 10**6).map(float), st.sampled_from([2.675, 1.005, 0.125]))
ZONES = (None, "UTC", "America/New_York", "+05:30")
ARROW: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    **{f"int{n}": (getattr(pa, f"int{n}")(), st.integers(-(2 ** (n - 1)), 2 ** (n - 1) - 1)) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (getattr(pa, f"uint{n}")(), st.integers(0, 2**n - 1)) for n in (8, 16, 32, 64)},
    "double": (pa.float64(), doubles),
    "float": (pa.float32(), st.floats(width=32)),
    "halffloat": (pa.float16(), st.floats(width=16)),
    "decimal": (pa.decimal128(38, 4), st.decimals(-(10**12), 10**12, places=4)),
    "integral decimal": (pa.decimal128(38, 0), st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)),
    "wide decimal": (pa.decimal256(76, 40), st.decimals(-(10**35), 10**35, places=40)),
    "coarse decimal": (pa.decimal128(10, -2), st.integers(-99999, 99999).map(lambda n: Decimal(n) * 100)),
    "boolean": (pa.bool_(), st.booleans()),
    "date32": (pa.date32(), st.dates()),
    "date64": (pa.date64(), st.dates()),
    **{
        f"timestamp {unit} {zone}": (pa.timestamp(unit, tz=zone), around)
        for unit in ("s", "ms", "us")
        for zone in ZONES
    },
    "timestamp ns": (pa.timestamp("ns"), st.integers(-(2**63), 2**63 - 1)),
    "string": (pa.string(), padded),
    "large string": (pa.large_string(), padded),
    "string view": (pa.string_view(), padded),
    "bytes": (pa.binary(), st.one_of(st.binary(max_size=12), padded.map(str.encode))),
    "fixed bytes": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), padded),
    "dictionary of numbers": (pa.dictionary(pa.int32(), pa.int64()), st.integers(-(2**63), 2**63 - 1)),
    "null": (pa.null(), st.none()),
}


def array(kind: str, values: Sequence[Any]) -> pa.Array:
    """Times are given as ticks: they reach further than Python's."""
    wanted = ARROW[kind][0]
    if pa.types.is_timestamp(wanted):
        return pa.array(values, pa.int64()).view(pa.timestamp(wanted.unit)).cast(wanted)
    if pa.types.is_float16(wanted):
        return pa.array([None if v is None else np.float16(v) for v in values], wanted)
    if pa.types.is_dictionary(wanted):
        return pa.array(values, wanted.value_type).dictionary_encode()
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
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[wanted.unit]
        whole, rest = divmod(value, per_second)
        if not -62_135_596_800 <= whole < 253_402_300_800:
            return UNUSABLE
        micros = rest * 10**6 // per_second
        return datetime.fromordinal(719_163 + whole // 86_400).replace(
            hour=whole % 86_400 // 3600,
            minute=whole % 3600 // 60,
            second=whole % 60,
            microsecond=micros,
            tzinfo=UTC,
        )
    return np.float32(value) if wanted == pa.float32() else np.float16(value) if wanted == pa.float16() else value
