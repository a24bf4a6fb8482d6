"""What the conversions share: values of any Arrow type as plain values, and the choice of some of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PIECE = 1024
MAX_DIGITS = 18
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
SECONDS_0001, SECONDS_10000 = -62_135_596_800, 253_402_300_800
DAY_SECONDS = 86_400


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type can be read, as text if nothing else."""
    kind = _inner(kind)
    known = (
        pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
        pa.types.is_date, pa.types.is_timestamp, is_text,
    )  # fmt: skip
    return any(is_known(kind) for is_known in known)


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are text, or bytes that may be text."""
    return any(
        is_one(kind)
        for is_one in (
            pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
            pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary,
        )
    )  # fmt: skip


def plain(values: pa.ChunkedArray) -> pa.Array:
    """The values in one array, without dictionary or other wrapping, and all text as strings or bytes."""
    array = values.combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    elif pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_string_view(array.type) or pa.types.is_large_string(array.type):
        return array.cast(pa.string())
    return array.cast(pa.binary()) if is_text(array.type) and not pa.types.is_string(array.type) else array


def utf8(values: pa.Array) -> pa.Array:
    """Text or bytes as strings; NULL for what is not UTF-8, which Arrow does not check by itself."""
    if not pa.types.is_binary(values.type):
        values = values.cast(pa.binary())
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        pieces = [_utf8_piece(values.slice(start, PIECE)) for start in range(0, len(values), PIECE)]
        return pa.concat_arrays(pieces)


def as_text(values: pa.Array) -> pa.Array:
    """Any readable values as strings; NULL for what has no text."""
    if is_text(values.type):
        return utf8(values)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        values = of_known_years(values)
        if pa.types.is_timestamp(values.type) and values.type.tz:
            values = values.cast(pa.timestamp(values.type.unit, tz="UTC"))
    return values.cast(pa.string())


def of_known_years(values: pa.Array) -> pa.Array:
    """Dates or times of the years 1 to 9999; NULL for others, which Arrow can neither write nor cast."""
    if pa.types.is_date32(values.type):
        ticks, per_second = values.view(pa.int32()).cast(pa.int64()), 1 / DAY_SECONDS
    else:
        unit = "ms" if pa.types.is_date64(values.type) else values.type.unit
        if unit == "ns":  # all are of the years 1677 to 2262
            return values
        ticks, per_second = values.view(pa.int64()), PER_SECOND[unit]
    first, last = int(SECONDS_0001 * per_second), int(SECONDS_10000 * per_second)
    return where(pc.and_(pc.greater_equal(ticks, first), pc.less(ticks, last)), values)


def trimmed(values: pa.Array) -> pa.Array:
    """Any readable values as strings without surrounding white space."""
    return pc.utf8_trim_whitespace(as_text(values))


def digits(text: pa.Array) -> bool:
    """Whether all strings are integers of at most 18 digits without a sign, which need no other check."""
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    return longest <= MAX_DIGITS and pc.all(pc.ascii_is_decimal(text)).as_py() is not False


def content(text: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes of all strings, one after the other."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return np.empty(0, np.uint8)
    first, last = np.frombuffer(offsets, np.int32)[[text.offset, text.offset + len(text)]]
    return np.frombuffer(data, np.uint8)[first:last]


def where(condition: pa.Array, values: pa.Array) -> pa.Array:
    """The values for which the condition is true; NULL for the others."""
    return pc.if_else(pc.fill_null(condition, False), values, pa.scalar(None, values.type))


def matching(text: pa.Array, pattern: str) -> pa.Array:
    """The strings that match; NULL for the others."""
    return where(pc.match_substring_regex(text, pattern), text)


def otherwise(first: pa.Array, text: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`first`, and where it is NULL what `convert` makes of the text. Most pages have nothing left to convert."""
    left = pc.and_(pc.is_null(first), pc.is_valid(text))
    return pc.coalesce(first, convert(where(left, text))) if pc.any(left).as_py() else first


def by_distinct(text: pa.Array, convert: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """Convert each distinct string once. Slower than a function of Arrow, for spellings that are rare."""
    coded = text.dictionary_encode()
    return pa.array(map(convert, coded.dictionary.to_pylist()), kind).take(coded.indices)


def _inner(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.JsonType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    return kind


def _utf8_piece(piece: pa.Array) -> pa.Array:
    try:
        return piece.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(map(_decoded, piece.to_pylist()), pa.string())


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
