"""What is kept of a row that cannot be loaded as it came: JSON of a bounded size that Postgres can store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import md5
from math import isfinite
from typing import Any

import pyarrow as pa

from python_runner.ingest.values.arrays import as_text, is_text

VALUE_CHARACTERS = 1_000
PAGE_CHARACTERS = 32_000_000  # jsonb takes 268 MB
REPLACEMENT = "\ufffd"


@dataclass
class Room:
    """The characters that the bad rows of a page may still take."""

    characters: int = PAGE_CHARACTERS


def originals(table: pa.Table, key: str, room: Room) -> list[dict[str, Any]]:
    """The rows as they came, as far as JSON has their values. Of rows that have no room only the keys are kept."""
    columns = [_column(column.combine_chunks()) for column in table.columns]
    rows = []
    for values in zip(*columns, strict=True):
        row = dict(zip(table.column_names, values, strict=True))
        size = sum(len(str(value)) for value in values)
        if size > room.characters:
            row = {key: row[key], "left out": _digest(repr(values))}
        room.characters -= size
        rows.append(row)
    return rows


def dumps(value: Any) -> str:
    """JSON as Postgres takes it: without NaN, infinity, NUL and halves of surrogate pairs."""
    return json.dumps(_storable(value), default=str)


def _column(values: pa.Array) -> list[Any]:
    if pa.types.is_boolean(values.type) or pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return list(values.to_pylist())
    if is_text(values.type):
        return [value and _shortened(value.decode(errors="backslashreplace")) for value in _bytes(values)]
    return list(as_text(values).to_pylist())


def _bytes(values: pa.Array) -> list[bytes | None]:
    return list(values.cast(pa.binary()).to_pylist())


def _shortened(text: str) -> str:
    if len(text) <= VALUE_CHARACTERS:
        return text
    return f"{text[:VALUE_CHARACTERS]}… ({len(text):,} characters, md5 {_digest(text)})"


def _digest(text: str) -> str:
    return md5(text.encode(errors="backslashreplace"), usedforsecurity=False).hexdigest()


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_storable(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(inner) for inner in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", REPLACEMENT)
    return value
