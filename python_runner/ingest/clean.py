"""Converts a page of source rows to the declared types, and reports unusable values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from math import isfinite
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.sources import Column, Kind, Source

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

INTEGER = r"^-?[0-9]{1,18}$"
DECIMAL = r"^-?[0-9]{1,15}([.][0-9]*)?([eE][+-]?[0-9]{1,2})?$"
TIMESTAMP = r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d{1,9})?)?$"
SECONDS = "%Y-%m-%d %H:%M:%S"

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class RejectedRow:
    """A source row with an unusable value. `loaded` is true if the row was loaded with NULL in its place."""

    reason: str
    row: dict[str, Any]
    loaded: bool


@dataclass(frozen=True)
class Page:
    """Rows ready for COPY, and the rows with unusable values."""

    rows: pa.Table
    rejects: list[RejectedRow]

    @property
    def rejected(self) -> int:
        """The number of rows that are not loaded."""
        return sum(not row.loaded for row in self.rejects)


def dumps(value: Any) -> str:
    """JSON for Postgres, whose jsonb does not allow NaN, infinity or NUL."""
    return json.dumps(_without_special_floats(value), default=str).replace("\\u0000", "")


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type whose binary COPY format equals that of the column's Postgres type."""
    return pa.decimal128(18, column.scale) if column.kind == "numeric" else ARROW_TYPES[column.kind]


def clean(table: pa.Table, source: Source) -> Page:
    """Cast a page with the source's column names, in the declared order, to the declared types.

    A row with no usable value in a `required` column, or with an unusable value in a column declared
    `unusable: reject`, is rejected. In other columns an unusable value becomes NULL. Both are reported.
    """
    given = [_flat(values) for values in table.columns]
    usable = [_cast(values, column) for values, column in zip(given, source.columns, strict=True)]
    rows = pa.table(usable, schema=pa.schema([(c.name, arrow_type(c)) for c in source.columns]))

    problems = []
    for column, before, after in zip(source.columns, given, usable, strict=True):
        unusable = pc.and_(pc.is_valid(before), pc.is_null(after))
        problems.append((f"{column.name} is not {_wanted(column)}", column.unusable == "reject", unusable))
        if column.required:
            problems.append((f"{column.name} is missing", True, pc.is_null(before)))
    problems = [problem for problem in problems if pc.any(problem[2]).as_py()]
    if not problems:
        return Page(rows, [])

    rejected = reduce(pc.or_, (mask for _, rejects, mask in problems if rejects), pa.repeat(False, len(table)))
    return Page(rows.filter(pc.invert(rejected)), _report(table, problems, rejected))


def _report(table: pa.Table, problems: list[tuple[str, bool, pa.Array]], rejected: pa.Array) -> list[RejectedRow]:
    affected = reduce(pc.or_, (mask for *_, mask in problems))
    found = zip(*(mask.filter(affected).to_pylist() for *_, mask in problems), strict=True)
    reasons = ["; ".join(problems[i][0] for i, hit in enumerate(hits) if hit) for hits in found]
    outcome = rejected.filter(affected).to_pylist()
    originals = table.filter(affected).to_pylist()
    return [RejectedRow(why, row, not out) for why, row, out in zip(reasons, originals, outcome, strict=True)]


def _wanted(column: Column) -> str:
    least = "" if column.minimum is None else f" of at least {column.minimum:g}"
    years = f" of the years {EARLIEST.year} to {LATEST.year - 1}" if column.kind == "timestamptz" else ""
    return f"{'an' if column.kind == 'integer' else 'a'} {column.kind}{least}{years}"


def _flat(values: pa.ChunkedArray) -> pa.Array:
    array = values.combine_chunks()
    return array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)


def _cast(values: pa.Array, column: Column) -> pa.Array:
    usable = CASTS[column.kind](values, column)
    if column.minimum is not None:
        usable = _where(pc.greater_equal(usable, pa.scalar(column.minimum).cast(usable.type)), usable)
    return usable


def _where(condition: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(condition, False), values, pa.scalar(None, values.type))


def _matching(values: pa.Array, pattern: str) -> pa.Array:
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return _where(pc.match_substring_regex(text, pattern), text)


def _text(values: pa.Array, column: Column) -> pa.Array:
    text = pc.replace_substring(values.cast(pa.string()), "\x00", "")
    if column.lowercase:
        text = pc.utf8_lower(text)
    return _where(pc.match_substring_regex(text, r"\S"), pc.utf8_trim_whitespace(text)) if column.required else text


def _integer(values: pa.Array, column: Column) -> pa.Array:
    numbers = (
        values.cast(pa.int64()) if pa.types.is_integer(values.type) else _matching(values, INTEGER).cast(pa.int64())
    )
    if column.kind == "integer":
        numbers = _where(pc.equal(pc.shift_right(pc.shift_left(numbers, 32), 32), numbers), numbers)
    return numbers.cast(ARROW_TYPES[column.kind])


def _numeric(values: pa.Array, column: Column) -> pa.Array:
    if not pa.types.is_floating(values.type):
        values = _matching(values, DECIMAL).cast(pa.float64())
    in_range = pc.less(pc.abs(values), 10.0 ** (15 - column.scale))
    return pc.round(_where(in_range, values), column.scale).cast(pa.decimal128(18, column.scale))


def _boolean(values: pa.Array, _column: Column) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    text = pc.utf8_lower(_matching(values, r"^(?i)(true|false|t|f|1|0)$"))
    return pc.if_else(pc.is_valid(text), pc.is_in(text, pa.array(["true", "t", "1"])), None)


def _timestamp(values: pa.Array, column: Column) -> pa.Array:
    wanted = ARROW_TYPES[column.kind]
    if not pa.types.is_timestamp(values.type):
        values = _parse_timestamp(_matching(values, TIMESTAMP))
    moments = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
    moments = moments.cast(wanted) if moments.type.tz else pc.assume_timezone(moments, "UTC")
    in_range = pc.and_(pc.greater_equal(moments, EARLIEST), pc.less(moments, LATEST))
    return _where(in_range, moments)


def _parse_timestamp(text: pa.Array) -> pa.Array:
    """Parse text as timestamps, or NULL.

    `strptime` is the only Arrow function that returns NULL for text that it cannot parse, but it ignores fractions of
    a second and accepts days that do not exist.
    """
    dated = pc.if_else(pc.equal(pc.utf8_length(text), 10), pc.binary_join_element_wise(text, "00:00:00", " "), text)
    seconds = pc.replace_substring(pc.utf8_slice_codeunits(dated, 0, 19), "T", " ")
    parsed = pc.strptime(seconds, SECONDS, "s", error_is_null=True)
    parsed = _where(pc.equal(pc.strftime(parsed, SECONDS), seconds), parsed)
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.utf8_slice_codeunits(dated, 20), 6, "0"), 0, 6)
    return pc.add(parsed.cast(pa.timestamp("us")), fraction.cast(pa.int64()).cast(pa.duration("us")))


CASTS: dict[Kind, Callable[[pa.Array, Column], pa.Array]] = {
    "text": _text,
    "bigint": _integer,
    "integer": _integer,
    "boolean": _boolean,
    "numeric": _numeric,
    "timestamptz": _timestamp,
}


def _without_special_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_special_floats(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_special_floats(inner) for inner in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
