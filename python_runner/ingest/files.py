"""Reads a source from a CSV or Parquet file instead of Snowflake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from python_runner.errors import RunnerError, UsageError
from python_runner.sources import Source

BLOCK_BYTES = 16 * 2**20
BATCH_ROWS = 100_000


def read_csv(path: Path, source: Source) -> Iterator[pa.Table]:
    """Read a CSV file, plain or `.gz`, in blocks of text columns with raw names. Column names are case-insensitive.

    UsageError if the file cannot be read or lacks a column, RunnerError if its content is malformed.
    """
    blocks = csv.ReadOptions(block_size=BLOCK_BYTES)
    with _explain_errors(path, "CSV"):
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


def read_parquet(path: Path, source: Source) -> Iterator[pa.Table]:
    """Read a Parquet file in batches, with its own types; otherwise like `read_csv`."""
    with _explain_errors(path, "Parquet"), parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        wanted = [names[position] for position in _positions(path, source, names)]
        nested = [name for name in wanted if pa.types.is_nested(file.schema_arrow.field(name).type)]
        if nested:
            raise UsageError(f"{path}: column {', '.join(nested)} is nested: store it as a scalar")
        for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
            yield pa.Table.from_batches([batch]).select(wanted).rename_columns(source.column_names)


@contextmanager
def _explain_errors(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, pa.ArrowException) as error:  # ArrowInvalid, UnicodeDecodeError
        reason = " ".join(str(error).split())[:300]
        raise RunnerError(f"{path} is not a {kind} file that can be read: {reason}") from error


def _positions(path: Path, source: Source, header: list[str]) -> list[int]:
    found = {name.strip().lower(): position for position, name in enumerate(header)}
    positions = [found.get(c.snowflake_name, found.get(c.name)) for c in source.columns]
    missing = [c.snowflake_name for c, position in zip(source.columns, positions, strict=True) if position is None]
    if missing:
        raise UsageError(
            f"{path} has no column {', '.join(missing)}: {source.name} needs it (header: {', '.join(header)})"
        )
    return [position for position in positions if position is not None]
