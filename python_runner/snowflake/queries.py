"""Builds the statements that load one source from Snowflake. Each returns one page of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

KEYS_PER_STATEMENT = 10_000


@dataclass(frozen=True)
class Statement:
    """One page: a SELECT and its parameters."""

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


def above(source: Source, highest_key: int) -> Filter:
    """Rows with a key above the highest loaded one."""
    return Filter(f"{_key(source)} > %(highest)s", {"highest": highest_key})


def pages(snowflake: Snowflake, source: Source, filter_: Filter = EVERYTHING) -> list[Statement]:
    """Split the filtered source into contiguous key ranges of at most one batch each, with one query.

    The first and last ranges are open, and rows with an unusable key have their own page. Every row therefore belongs
    to exactly one page, even if rows arrive between planning and reading.
    """
    plan = snowflake.fetch(
        f"""
        select max(k) as upper_key
        from (
            select
                k,
                case when k is not null then floor((row_number() over (order by k) - 1) / %(size)s) end as page
            from (select {_key(source)} as k from {source.snowflake_table} where {filter_.where}) as keys
        ) as numbered
        group by page
        order by page
        """,
        filter_.params | {"size": snowflake.settings.batch_size},
    )
    uppers = plan.column("upper_key").to_pylist()
    bounds = [None, *[upper for upper in uppers if upper is not None][:-1], None]
    ranges = [_range(source, lower, upper) for lower, upper in pairwise(bounds)]
    if None in uppers:
        ranges = [Filter(f"{_key(source)} is not null and {r.where}", r.params) for r in ranges]
        ranges.append(Filter(f"{_key(source)} is null"))
    return [select(source, filter_, page) for page in ranges]


def by_key(source: Source, keys: Sequence[Any]) -> list[Statement]:
    """Statements for the rows with the given keys."""
    chunks = [keys[i : i + KEYS_PER_STATEMENT] for i in range(0, len(keys), KEYS_PER_STATEMENT)]
    return [select(source, _one_of(source, chunk)) for chunk in chunks]


def select(source: Source, *filters: Filter) -> Statement:
    """SELECT of the declared columns under their names in the raw table."""
    columns = ", ".join(f"{c.origin} as {c.name}" if c.origin else c.name for c in source.columns)
    where = " and ".join(f.where for f in filters)
    params = {name: value for f in filters for name, value in f.params.items()}
    return Statement(f"select {columns} from {source.snowflake_table} where {where}", params)


def _key(source: Source) -> str:
    name = source.key_column.snowflake_name
    return name if source.key_column.kind == "text" else f"try_cast(to_varchar({name}) as number(38, 0))"


def _one_of(source: Source, keys: Sequence[Any]) -> Filter:
    params = {f"key{number}": key for number, key in enumerate(keys)}
    return Filter(f"{_key(source)} in ({', '.join(f'%({name})s' for name in params)})", params)


def _range(source: Source, lower: Any, upper: Any) -> Filter:
    conditions = [
        *([f"{_key(source)} > %(lower)s"] if lower is not None else []),
        *([f"{_key(source)} <= %(upper)s"] if upper is not None else []),
    ]
    bounds = {"lower": lower, "upper": upper}
    return Filter(" and ".join(conditions) or "true", {k: v for k, v in bounds.items() if v is not None})
