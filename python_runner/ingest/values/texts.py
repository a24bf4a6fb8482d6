"""Text and booleans."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from python_runner.ingest.values.arrays import as_text, by_distinct, content, is_text, trimmed, where
from python_runner.ingest.values.numbers import whole
from python_runner.sources import Column

TRUE = ("true", "t", "yes", "y", "on", "1")
FALSE = ("false", "f", "no", "n", "off", "0")
NUL = "\x00"
FIRST_NOT_ASCII = 128

Notes = list[tuple[str, pa.Array, bool]]


def text(values: pa.Array, column: Column, notes: Notes) -> pa.Array:
    """The text as far as Postgres and its indexes can take it; the notes say what was left out, and where."""
    read = as_text(values)
    if is_text(values.type):
        notes.append((f"{column.name} is not UTF-8", pc.and_(pc.is_valid(values), pc.is_null(read)), False))
    characters = content(read)
    if not characters.all():
        with_nul = pc.fill_null(pc.match_substring(read, NUL), False)
        notes.append((f"{column.name} contains NUL, which is left out", with_nul, True))
        read = pc.replace_substring(read, NUL, "")
    if column.lowercase:
        read = pc.ascii_lower(read) if characters.max(initial=0) < FIRST_NOT_ASCII else pc.utf8_lower(read)
    if column.required:
        read = pc.utf8_trim_whitespace(read)
        read = where(pc.greater(pc.binary_length(read), 0), read)
    if column.type.length is not None:
        too_long = pc.greater(pc.utf8_length(read), column.type.length)
        read = _shortened(read, too_long, f"{column.type.length:,} characters", column, notes)
    too_long = pc.greater(pc.binary_length(read), column.max_bytes)
    return _shortened(read, too_long, f"{column.max_bytes:,} bytes", column, notes)


def boolean(values: pa.Array, _column: Column) -> pa.Array:
    """A boolean, one of Postgres's words for it, or the number 0 or 1."""
    if pa.types.is_boolean(values.type):
        return values
    if not is_text(values.type) and not pa.types.is_null(values.type):
        numbers = whole(values)
        return where(pc.is_in(numbers, pa.array([0, 1])), pc.equal(numbers, 1))
    words = pc.utf8_lower(trimmed(values))
    known = pc.is_in(words, pa.array(TRUE + FALSE))
    return where(known, pc.is_in(words, pa.array(TRUE)))


def _shortened(read: pa.Array, too_long: pa.Array, limit: str, column: Column, notes: Notes) -> pa.Array:
    too_long = pc.fill_null(too_long, False)
    if not pc.any(too_long).as_py():
        return read
    phrase = f"{column.name} is longer than {limit}"
    if not column.shorten:
        notes.append((phrase, too_long, False))
        return where(pc.invert(too_long), read)
    notes.append((f"{phrase}: shortened", too_long, True))
    most, most_bytes = column.type.length, column.max_bytes
    cut = by_distinct(
        where(too_long, read), lambda t: t[:most].encode()[:most_bytes].decode(errors="ignore"), pa.string()
    )
    return pc.if_else(too_long, cut, read)
