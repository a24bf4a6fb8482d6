"""The Postgres types that a declaration can name. docs/values.md says what becomes of each value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Kind = Literal[
    "text", "smallint", "integer", "bigint", "numeric", "real", "double precision",
    "boolean", "date", "timestamp", "timestamptz",
]  # fmt: skip

SUPPORTED = (
    "text, varchar(n), smallint, integer, bigint, numeric, numeric(p, s) with p up to 38 and s up to 37, real,"
    " double precision, boolean, date, timestamp, timestamptz"
)
NAMES: dict[str, Kind] = {
    "text": "text", "varchar": "text", "character varying": "text",
    "smallint": "smallint", "int2": "smallint",
    "integer": "integer", "int": "integer", "int4": "integer",
    "bigint": "bigint", "int8": "bigint",
    "numeric": "numeric", "decimal": "numeric",
    "real": "real", "float4": "real",
    "double precision": "double precision", "float8": "double precision",
    "boolean": "boolean", "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp", "timestamp without time zone": "timestamp",
    "timestamptz": "timestamptz", "timestamp with time zone": "timestamptz",
}  # fmt: skip
WRITTEN = re.compile(r"([a-z0-9 ]+?)\s*(?:\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\))?")

MAX_LENGTH = 10_485_760  # of varchar, in Postgres
MAX_PRECISION, MAX_SCALE = 38, 37  # of NUMBER in Snowflake

INTEGER_BITS: dict[Kind, int] = {"smallint": 16, "integer": 32, "bigint": 64}
FLOATS: tuple[Kind, ...] = ("real", "double precision")
NUMBERS: tuple[Kind, ...] = (*INTEGER_BITS, "numeric", *FLOATS)
TIMES: tuple[Kind, ...] = ("timestamp", "timestamptz")


@dataclass(frozen=True)
class DataType:
    """A type: its kind, the length of a varchar, and the precision and scale of a numeric."""

    kind: Kind
    length: int | None = None
    precision: int | None = None
    scale: int = 0

    def contains(self, number: Decimal) -> bool:
        """Whether a number is a value of this type."""
        if not number.is_finite():
            return False
        if bits := INTEGER_BITS.get(self.kind):
            return Fraction(number).denominator == 1 and -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
        if self.precision is None:
            return self.kind in NUMBERS
        scaled = Fraction(number) * 10**self.scale
        return scaled.denominator == 1 and bool(abs(scaled) < 10**self.precision)


@lru_cache
def parse(written: str) -> DataType:
    """The type as declared. ValueError, of one line, if values of it would not be exact."""
    match = WRITTEN.fullmatch(" ".join(written.lower().split()))
    kind = NAMES.get(match[1]) if match else None
    if match is None or kind is None:
        raise ValueError(f"type {written!r} is not supported: use one of {SUPPORTED}")
    first, second = (int(size) if size else None for size in match.group(2, 3))
    if first is None:
        return DataType(kind)
    if kind == "text" and match[1] != "text" and second is None and 1 <= first <= MAX_LENGTH:
        return DataType(kind, length=first)
    if kind == "numeric" and 1 <= first <= MAX_PRECISION and (second or 0) <= min(first, MAX_SCALE):
        return DataType(kind, precision=first, scale=second or 0)
    raise ValueError(f"type {written!r} is not supported with these sizes: use one of {SUPPORTED}")
