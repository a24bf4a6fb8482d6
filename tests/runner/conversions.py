"""What becomes of a value, written a second time without Arrow: plain Python, one value at a time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

UNUSABLE = object()
EXACT = Context(prec=2000, rounding=ROUND_HALF_UP)
BITS = {"smallint": 16, "integer": 32, "bigint": 64}
WORDS = {
    **dict.fromkeys(["true", "t", "yes", "y", "on", "1"], True),
    **dict.fromkeys(["false", "f", "no", "n", "off", "0"], False),
}
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|UTC|GMT)| ?([+-])(\d\d):?(\d\d)?)?)?",
    re.IGNORECASE | re.ASCII,
)


def converted(kind: str, given: Any, sizes: tuple[int, ...] = ()) -> Any:  # noqa: PLR0911
    """The value as Postgres has it, or UNUSABLE. Given is what Arrow gives as Python's value, other than text."""
    if given is None:
        return None
    if kind in BITS:
        return _integer(given, BITS[kind])
    if kind == "numeric":
        return _numeric(given, *sizes)
    if kind in {"real", "double precision"}:
        return _float(given, single=kind == "real")
    if kind == "boolean":
        if not isinstance(given, str):
            return bool(given) if number(given) in {0, 1} or isinstance(given, bool) else UNUSABLE
        return WORDS.get(given.strip().lower(), UNUSABLE)
    moment = _moment(given)
    if moment is None:
        return UNUSABLE
    if kind == "date":
        return moment.date() if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0) else UNUSABLE
    if kind != "moment" and not 1970 <= moment.year < 2100:
        return UNUSABLE
    return moment.replace(tzinfo=None) if kind == "timestamp" else moment


def number(given: Any) -> Decimal | None:
    """The number that a value is, or that its text says."""
    if isinstance(given, (bool, date, datetime, bytes)):
        return None
    if isinstance(given, np.float16):
        given = float(given)
    if isinstance(given, np.floating):  # as it is written in its own precision
        given = str(given)
        return Decimal(given) if np.isfinite(float(given)) else None
    if isinstance(given, float):
        return Decimal(repr(given)) if np.isfinite(given) else None
    if isinstance(given, (int, Decimal)):
        return Decimal(given)
    text = given.strip()
    match = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,3}))?", text, re.IGNORECASE | re.ASCII)
    if match is None or len(text) > 400 or abs(int(match[2] or 0)) > 399:
        return None
    return Decimal(text)


def _integer(given: Any, bits: int) -> Any:
    exact = Decimal(float(given)) if isinstance(given, (float, np.floating)) and np.isfinite(given) else number(given)
    if exact is None or exact.adjusted() > 30 or exact != exact.to_integral_value(context=EXACT):
        return UNUSABLE
    return int(exact) if -(2 ** (bits - 1)) <= exact < 2 ** (bits - 1) else UNUSABLE


def _numeric(given: Any, precision: int | None = None, scale: int = 0) -> Any:
    exact = number(given)
    if exact is None:
        return UNUSABLE
    if precision is None:
        return exact
    rounded = EXACT.quantize(exact, Decimal(1).scaleb(-scale))
    return rounded if abs(Fraction(rounded)) < 10 ** (precision - scale) else UNUSABLE


def _float(given: Any, *, single: bool) -> Any:
    if isinstance(given, str) and re.fullmatch(r"[+-]?(nan|inf|infinity)", given.strip(), re.IGNORECASE):
        return float(given)
    if isinstance(given, (float, np.floating)) and not np.isfinite(given):
        return float(given)
    exact = Decimal(float(given)) if isinstance(given, (float, np.floating)) else number(given)
    if exact is None:
        return UNUSABLE
    try:
        nearest = _nearest_single(Fraction(exact)) if single else float(exact)
    except OverflowError:
        return UNUSABLE
    return UNUSABLE if np.isinf(nearest) or (nearest == 0 and exact != 0) else nearest


def _nearest_single(exact: Fraction) -> float:
    largest = Fraction(float(np.finfo(np.float32).max))
    if abs(exact) >= largest + Fraction(2) ** 103:
        raise OverflowError
    guess = (
        np.float32(float(exact))
        if abs(exact) < largest
        else np.float32(float(largest) if exact > 0 else -float(largest))
    )
    with np.errstate(over="ignore"):
        around = [guess, *(np.nextafter(guess, np.float32(far)) for far in (np.inf, -np.inf))]
    finite = [value for value in around if np.isfinite(value)]
    even = {value: int(np.float32(value).view(np.uint32)) % 2 for value in finite}
    return float(min(finite, key=lambda value: (abs(Fraction(float(value)) - exact), even[value])))


def _moment(given: Any) -> datetime | None:
    if isinstance(given, datetime):
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    if not isinstance(given, str) or (match := TIME.fullmatch(given.strip())) is None:
        return None
    year, month, day, hour, minute, second, fraction, _zone, sign, hours, minutes = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
                          int(f"{fraction or ''}000000"[:6]), tzinfo=UTC)  # fmt: skip
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if int(hours or 0) > 15 or int(minutes or 0) > 59:
            return None
        return moment + offset if sign == "-" else moment - offset
    except (ValueError, OverflowError):
        return None
