"""Builds the statements that load one source from Snowflake: one, unless very many keys are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from python_runner.sources import Source

KEYS_PER_STATEMENT = 10_000


@dataclass(frozen=True)
class Statement:
    """A SELECT and its parameters."""

    sql: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """Which rows of the source to read."""

    where: str = "true"
    params: dict[str, Any] = field(default_factory=dict)


EVERYTHING = Filter()


def newer_than(source: Source, high_water_mark: datetime) -> Filter:
    """Rows whose cursor is above the mark minus the overlap, and all rows of each key with an unusable cursor."""
    since = high_water_mark - timedelta(minutes=source.overlap_minutes)
    key, cursor = source.key_column.snowflake_name, source.cursor
    unusable = f"{cursor} is null or {cursor} < '1970-01-01' or {cursor} >= '2100-01-01'"
    return Filter(
        f"({cursor} > %(since)s or {cursor} is null or {key} in"
        f" (select {key} from {source.snowflake_table} where {unusable}))",
        {"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")},
    )


def above(source: Source, highest_key: int, missing: Sequence[Any] = ()) -> list[Statement]:
    """Statements for the rows with a key above the highest loaded one, or with one of the missing keys."""
    chunks = [missing[i : i + KEYS_PER_STATEMENT] for i in range(0, len(missing), KEYS_PER_STATEMENT)]
    first, *others = [_one_of(source, chunk) for chunk in chunks] or [Filter("false")]
    newer = Filter(f"({_key(source)} > %(highest)s or {first.where})", {"highest": highest_key} | first.params)
    return [select(source, filter_) for filter_ in (newer, *others)]


def select(source: Source, filter_: Filter = EVERYTHING) -> Statement:
    """SELECT of the declared columns under their names in the raw table."""
    columns = ", ".join(f"{c.origin} as {c.name}" if c.origin else c.name for c in source.columns)
    return Statement(f"select {columns} from {source.snowflake_table} where {filter_.where}", filter_.params)


def _key(source: Source) -> str:
    name = source.key_column.snowflake_name
    return name if source.key_column.kind == "text" else f"try_cast(to_varchar({name}) as number(38, 0))"


def _one_of(source: Source, keys: Sequence[Any]) -> Filter:
    params = {f"key{number}": key for number, key in enumerate(keys)}
    return Filter(f"{_key(source)} in ({', '.join(f'%({name})s' for name in params)})", params)
