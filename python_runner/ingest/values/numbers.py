"""Numbers: a value is exact, rounded as Postgres rounds it to the declared scale, or unusable."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.data_types import INTEGER_BITS, MAX_PRECISION
from python_runner.ingest.values.arrays import as_text, by_distinct, digits, matching, otherwise, trimmed, where
from python_runner.sources import Column

# Without `\`, because Snowflake reads these patterns too: see ingest/checksums.py.
NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-3]?[0-9]{1,2})?$"
PLAIN_INTEGER = r"^-?[0-9]{1,18}$"
PLAIN_DECIMAL = r"^-?[0-9]{1,38}([.][0-9]{0,37})?$"
NOT_FINITE = r"^(?i)[+-]?(nan|inf|infinity)$"
LONGEST = 400  # characters, and digits of an exponent's power; every double is shorter

WIDE = pa.decimal256(76, 37)  # holds 39 digits before the point, so that 38 can be rounded up
ROUNDING = "half_towards_infinity"
ARITHMETIC = Context(prec=4 * LONGEST, rounding=ROUND_HALF_UP)
INTEGERS = {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
FLOATS = {"real": pa.float32(), "double precision": pa.float64()}


def integer(values: pa.Array, column: Column) -> pa.Array:
    """A number without a fraction, within the range of the type."""
    bits, numbers = INTEGER_BITS[column.kind], whole(values)
    if INTEGERS[bits] == numbers.type:
        return numbers
    in_range = pc.and_(pc.greater_equal(numbers, -(2 ** (bits - 1))), pc.less_equal(numbers, 2 ** (bits - 1) - 1))
    return where(in_range, numbers).cast(INTEGERS[bits])


def whole(values: pa.Array) -> pa.Array:
    """Numbers without a fraction, as 64 bits."""
    if pa.types.is_integer(values.type):
        largest = pa.scalar(2**63 - 1, pa.uint64())
        numbers = where(pc.less_equal(values, largest), values) if values.type == pa.uint64() else values
    elif pa.types.is_floating(values.type):
        doubles = values.cast(pa.float64())
        fits = pc.and_(pc.equal(pc.trunc(doubles), doubles), pc.less(pc.abs(doubles), 2.0**63))
        numbers = where(fits, doubles)
    elif digits(text := as_text(values)):
        numbers = text
    else:
        text = pc.utf8_trim_whitespace(text)
        plain = matching(text, PLAIN_INTEGER).cast(pa.int64())
        numbers = otherwise(plain, text, lambda left: by_distinct(_bounded(left), _integer, pa.int64()))
    return numbers.cast(pa.int64())


def numeric(values: pa.Array, column: Column) -> pa.Array:
    """A numeric(p, s), rounded half away from zero. Without precision and scale: the text of the exact number."""
    precision, scale = column.type.precision, column.type.scale
    if precision is None:
        return _bounded(trimmed(values))
    wanted = pa.decimal128(precision, scale)
    exact = pa.types.is_decimal(values.type) and 0 <= values.type.scale <= WIDE.scale
    if pa.types.is_integer(values.type) or (exact and values.type.precision <= MAX_PRECISION):
        return _rounded(values.cast(WIDE), wanted)
    if values.type == pa.float64():
        certain = _certain_to_round(values, precision, scale)
        plain, text = pc.round(where(certain, values), scale).cast(wanted), where(pc.invert(certain), values)
        text = as_text(text)
    else:
        text = trimmed(values)
        before = f"[0-9]{{1,{precision - scale}}}" if precision > scale else "0"
        plain = matching(text, f"^-?{before}([.][0-9]{{0,{scale}}})?$").cast(wanted)
        plain = otherwise(plain, text, lambda left: _rounded(matching(left, PLAIN_DECIMAL).cast(WIDE), wanted))
    return otherwise(plain, text, lambda left: by_distinct(_bounded(left), _decimal(column), wanted))


def floating(values: pa.Array, column: Column) -> pa.Array:
    """The nearest number of the type, NaN and infinity included; NULL if it is too large, or too small but not 0."""
    wanted = FLOATS[column.kind]
    if pa.types.is_integer(values.type):
        return values.cast(wanted, safe=False)
    if pa.types.is_floating(values.type):
        nearest = values.cast(pa.float64()).cast(wanted, safe=False)
        infinite, zero = pc.is_inf(values.cast(pa.float64())), pc.equal(values.cast(pa.float64()), 0.0)
    else:
        text = trimmed(values)
        special = pc.match_substring_regex(text, NOT_FINITE)
        text = where(pc.or_(special, pc.is_valid(_bounded(text))), text)
        nearest = text.cast(wanted)
        infinite, zero = special, pc.invert(pc.match_substring_regex(text, "^[^eE]*[1-9]"))
    overflow = pc.and_not(pc.is_inf(nearest), infinite)
    underflow = pc.and_not(pc.equal(nearest, pa.scalar(0, wanted)), zero)
    return where(pc.invert(pc.or_(overflow, underflow)), nearest)


def within_bounds(values: pa.Array, column: Column) -> tuple[pa.Array, pa.Array | None]:
    """The values from the declared minimum on, and which of them are not up to the declared maximum."""
    if column.minimum is not None:
        values = where(_compare(values, column, column.minimum, pc.greater_equal, Decimal.__ge__), values)
    if column.maximum is None:
        return values, None
    up_to = _compare(values, column, column.maximum, pc.less_equal, Decimal.__le__)
    return values, pc.fill_null(pc.invert(up_to), False)


def _compare(
    values: pa.Array,
    column: Column,
    bound: Decimal,
    compare: Callable[[pa.Array, pa.Scalar], pa.Array],
    compare_one: Callable[[Decimal, Decimal], bool],
) -> pa.Array:
    if pa.types.is_string(values.type):
        return by_distinct(values, lambda text: compare_one(Decimal(text), bound), pa.bool_())
    return compare(values, pa.scalar(float(bound) if column.kind in FLOATS else bound).cast(values.type))


def _rounded(numbers: pa.Array, wanted: pa.Decimal128Type) -> pa.Array:
    numbers = pc.round(numbers, wanted.scale, ROUNDING) if wanted.scale < numbers.type.scale else numbers
    largest = pa.scalar(Decimal((0, (9,) * wanted.precision, -wanted.scale)), numbers.type)
    return where(pc.less_equal(pc.abs(numbers), largest), numbers).cast(wanted)


def _certain_to_round(values: pa.Array, precision: int, scale: int) -> pa.Array:
    """Which doubles are so far from halfway between two results that arithmetic with doubles rounds them right."""
    scaled = pc.multiply(pc.abs(values), 10.0**scale)
    from_half = pc.abs(pc.subtract(pc.subtract(scaled, pc.floor(scaled)), 0.5))
    return pc.and_(pc.less(scaled, 10.0 ** min(precision, 11) - 1), pc.greater(from_half, 1e-3))


def _bounded(text: pa.Array) -> pa.Array:
    """Strings that are numbers of a bounded length and exponent."""
    numbers = matching(text, NUMBER)
    return where(pc.less_equal(pc.binary_length(numbers), LONGEST), numbers)


def _integer(text: str) -> int | None:
    number = Decimal(text)
    if number.adjusted() >= len(str(2**63)) or number != number.to_integral_value(context=ARITHMETIC):
        return None
    return int(number) if -(2**63) <= number < 2**63 else None


def _decimal(column: Column) -> Callable[[str], Decimal | None]:
    unit = Decimal((0, (1,), -column.type.scale))

    def rounded(text: str) -> Decimal | None:
        number = ARITHMETIC.quantize(ARITHMETIC.create_decimal(text), unit)
        return number if column.type.contains(number) else None

    return rounded
