"""Converts a page of source rows to the declared types, and reports unusable values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.errors import RunnerError
from python_runner.ingest.kept import Room, originals
from python_runner.ingest.values import Problem, arrow_type, check_readable, convert
from python_runner.ingest.values.arrays import plain
from python_runner.sources import Source


@dataclass(frozen=True)
class RejectedRow:
    """A source row with an unusable value. `loaded` is true if the row was loaded without it, or with a part of it."""

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


def clean(table: pa.Table, source: Source, room: Room | None = None) -> Page:
    """Convert a page with the source's column names, in the declared order, to the declared types.

    A row with no usable value in a `required` column, or with an unusable value in a column declared
    `unusable: reject`, is rejected. In other columns an unusable value becomes NULL. Both are reported, as far as there
    is room: the parts of a page share it.
    RunnerError if a column has a type that has no conversion.
    """
    try:
        for name, column in zip(table.column_names, source.columns, strict=True):
            check_readable(table.schema.field(name).type, column)
        given = [plain(values) for values in table.columns]
        converted = [convert(values, column) for values, column in zip(given, source.columns, strict=True)]
    except pa.ArrowException as error:
        raise RunnerError(f"{source.name}: a page cannot be converted: {' '.join(str(error).split())[:300]}") from error
    schema = pa.schema([(column.name, arrow_type(column)) for column in source.columns])
    rows = pa.table([values for values, _ in converted], schema=schema)
    problems = [problem for _, found in converted for problem in found]
    if not problems:
        return Page(rows, [])
    nothing = pa.repeat(False, len(table))
    rejected = reduce(pc.or_, (problem.rows for problem in problems if problem.rejects), nothing)
    as_given = pa.table(given, names=source.column_names)
    return Page(rows.filter(pc.invert(rejected)), _report(as_given, problems, rejected, source.key, room or Room()))


def _report(
    table: pa.Table, problems: Sequence[Problem], rejected: pa.Array, key: str, room: Room
) -> list[RejectedRow]:
    affected = reduce(pc.or_, (problem.rows for problem in problems))
    found = zip(*(problem.rows.filter(affected).to_pylist() for problem in problems), strict=True)
    reasons = ["; ".join(problems[i].reason for i, hit in enumerate(hits) if hit) for hits in found]
    outcome = rejected.filter(affected).to_pylist()
    rows = originals(table.filter(affected), key, room)
    return [RejectedRow(why, row, not out) for why, row, out in zip(reasons, rows, outcome, strict=True)]
