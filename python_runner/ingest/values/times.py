"""Dates and times. All are in UTC unless they name an offset; fractions below a microsecond are cut off."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.ingest.values.arrays import matching, of_known_years, otherwise, trimmed, where
from python_runner.sources import Column

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

# Only days that exist: Arrow raises an error for others.
DAY = (
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
)
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
OFFSET = "[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?"
LOCAL = f"^{DAY}([ T]{CLOCK})?$"
ZONED = f"^{DAY}[ T]{CLOCK}(Z|{OFFSET})$"
# Spellings that are made one of the above: lower case, a comma, more digits, a space before the zone.
OTHER = f"^(?i){DAY}[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?( ?(Z|UTC|GMT|{OFFSET}))?$"

UTC = pa.timestamp("us", tz="UTC")


def timestamp(values: pa.Array, column: Column) -> pa.Array:
    """A time of the years that clients can read."""
    moments = _moments(values)
    in_range = pc.and_(pc.greater_equal(moments, EARLIEST), pc.less(moments, LATEST))
    moments = where(in_range, moments)
    return moments if column.kind == "timestamptz" else moments.cast(pa.timestamp("us"))


def day(values: pa.Array, _column: Column) -> pa.Array:
    """A date. A time is one if it is midnight."""
    if pa.types.is_date32(values.type):
        return of_known_years(values)
    if pa.types.is_timestamp(values.type) or pa.types.is_date64(values.type):
        return _midnights(values)
    text = trimmed(values)
    return otherwise(of_known_years(matching(text, f"^{DAY}$").cast(pa.date32())), text, _midnights)


def _midnights(values: pa.Array) -> pa.Array:
    local = _moments(values).cast(pa.timestamp("us"))
    return where(pc.equal(pc.floor_temporal(local, unit="day"), local), local).cast(pa.date32())


def _moments(values: pa.Array) -> pa.Array:
    """The values as times in UTC, of the years 1 to 9999; NULL for what is no time."""
    if pa.types.is_date(values.type):
        values = of_known_years(values).cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(values.type):
        return _utc(values)
    text = trimmed(values)
    local = matching(text, LOCAL).cast(pa.timestamp("us")).cast(UTC)
    zoned = otherwise(local, text, _zoned)
    return _utc(otherwise(zoned, text, _respelled))


def _zoned(text: pa.Array) -> pa.Array:
    return matching(text, ZONED).cast(UTC)


def _respelled(text: pa.Array) -> pa.Array:
    text = pc.utf8_upper(matching(text, OTHER))
    text = pc.replace_substring_regex(text, "[.,]([0-9]{1,6})[0-9]*", r".\1")
    text = pc.replace_substring_regex(text, " ?(UTC|GMT)$", "Z")
    text = pc.replace_substring_regex(text, " (Z|[+-][0-9:]*)$", r"\1")
    return pc.coalesce(_zoned(text), matching(text, LOCAL).cast(pa.timestamp("us")).cast(UTC))


def _utc(moments: pa.Array) -> pa.Array:
    moments = of_known_years(moments)
    if moments.type.unit == "ns":
        ticks = moments.view(pa.int64())
        micros = pc.divide(ticks, 1000)  # towards 0, which is too late before 1970
        micros = pc.if_else(pc.less(ticks, pc.multiply(micros, 1000)), pc.subtract(micros, 1), micros)
        return micros.view(UTC)
    return moments.cast(pa.timestamp("us", tz=moments.type.tz)).cast(UTC)
