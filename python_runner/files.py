"""Reads a source from a file instead of Snowflake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from python_runner.errors import RunnerError, UsageError
from python_runner.sources import Source

BLOCK_BYTES = 16 * 2**20


def read_csv(path: Path, source: Source) -> Iterator[pa.Table]:
    """The file in blocks, as text, under the raw names; `.gz` is unpacked. Header names ignore case.

    UsageError where the file cannot be read or lacks a column, RunnerError where a line is malformed.
    """
    blocks = csv.ReadOptions(block_size=BLOCK_BYTES)
    try:
        with csv.open_csv(path, blocks) as reader:
            header = reader.schema.names
        wanted = csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            include_columns=[header[position] for position in _positions(path, source, header)],
            null_values=[""],
            strings_can_be_null=True,
        )
        with csv.open_csv(path, blocks, convert_options=wanted) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch]).rename_columns(source.column_names)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # ArrowInvalid, UnicodeDecodeError
        raise RunnerError(f"{path} is not a CSV file that can be read: {' '.join(str(error).split())[:300]}") from error


def _positions(path: Path, source: Source, header: list[str]) -> list[int]:
    found = {name.strip().lower(): position for position, name in enumerate(header)}
    positions = [found.get(c.snowflake_name, found.get(c.name)) for c in source.columns]
    missing = [c.snowflake_name for c, position in zip(source.columns, positions, strict=True) if position is None]
    if missing:
        raise UsageError(
            f"{path} has no column {', '.join(missing)}: {source.name} needs it (header: {', '.join(header)})"
        )
    return [position for position in positions if position is not None]
