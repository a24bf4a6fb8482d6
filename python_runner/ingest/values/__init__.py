"""Every value's way in: the conversions from what arrives to the declared type. docs/values.md has them as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.data_types import NUMBERS, TIMES, Kind
from python_runner.errors import RunnerError
from python_runner.ingest.values import arrays, numbers, texts, times
from python_runner.ingest.values.times import EARLIEST, LATEST
from python_runner.sources import Column

CONVERSIONS: dict[Kind, Callable[[pa.Array, Column], pa.Array]] = {
    "smallint": numbers.integer,
    "integer": numbers.integer,
    "bigint": numbers.integer,
    "numeric": numbers.numeric,
    "real": numbers.floating,
    "double precision": numbers.floating,
    "boolean": texts.boolean,
    "date": times.day,
    "timestamp": times.timestamp,
    "timestamptz": times.timestamp,
}
ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class Problem(NamedTuple):
    """A reason, the rows that it applies to, and whether they are rejected or loaded without the value."""

    reason: str
    rows: pa.Array
    rejects: bool


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type whose COPY format equals that of the column's Postgres type. A numeric of any scale is text."""
    if column.kind == "numeric":
        return pa.decimal128(column.type.precision, column.type.scale) if column.type.precision else pa.string()
    return ARROW_TYPES[column.kind]


def check_readable(arrived: pa.DataType, column: Column) -> None:
    """RunnerError if values of this Arrow type have no conversion at all."""
    if not arrays.is_readable(arrived):
        nested = " is nested:" if pa.types.is_nested(arrived) else ""
        raise RunnerError(
            f"column {column.snowflake_name}{nested} has type {' '.join(str(arrived).split())[:100]}, which cannot"
            f" become {column.kind}: store it as text"
        )


def convert(before: pa.Array, column: Column) -> tuple[pa.Array, list[Problem]]:
    """Convert a plain array to its declared type: the values, NULL where none is usable, and what is wrong."""
    notes: texts.Notes = []
    if column.kind == "text":
        values = texts.text(before, column, notes)
    else:
        values = CONVERSIONS[column.kind](before, column)
        if column.kind in NUMBERS:
            values, above = numbers.within_bounds(values, column)
            if above is not None:
                notes.append((f"{column.name} is above {column.maximum:,}", above, False))
                values = arrays.where(pc.invert(above), values)
    rejects = column.required or column.unusable == "reject"
    problems = [Problem(reason, rows, rejects and not loaded) for reason, rows, loaded in notes]
    unexplained = pc.and_(pc.is_valid(before), pc.is_null(values))
    for problem in problems:
        unexplained = pc.and_not(unexplained, problem.rows)
    problems.append(Problem(f"{column.name} is not {_wanted(column)}", unexplained, rejects))
    if column.required:
        problems.append(Problem(f"{column.name} is missing", pc.is_null(before), True))
    return values, [problem for problem in problems if pc.any(problem.rows).as_py()]


def _wanted(column: Column) -> str:
    least = "" if column.minimum is None else f" of at least {column.minimum:,}"
    years = f" of the years {EARLIEST.year} to {LATEST.year - 1}" if column.kind in TIMES else ""
    return f"{'an' if column.kind == 'integer' else 'a'} {column.kind}{least}{years}"
