"""Reads a source from a CSV or Parquet file instead of Snowflake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from python_runner.errors import RunnerError, UsageError
from python_runner.ingest.csv_file import open_csv
from python_runner.ingest.values import check_readable
from python_runner.sources import Column, Source

BLOCK_BYTES = 16 * 2**20
BATCH_ROWS = 100_000
BATCH_BYTES = 64 * 2**20
SHOWN_CHARACTERS = 300
RFC_4180 = csv.ParseOptions(newlines_in_values=True)


def open_file(source: Source, *, csv: Path | None, parquet: Path | None) -> Iterator[pa.Table] | None:
    """The pages of whichever file is given."""
    return read_csv(csv, source) if csv else read_parquet(parquet, source) if parquet else None


def read_csv(path: Path, source: Source) -> Iterator[pa.Table]:
    """Read a CSV file, plain or gzip, in blocks of text columns with raw names. Column names are case-insensitive.

    An empty field is NULL, a quoted one empty text; outside text columns both are NULL. UsageError at once if the file
    cannot be read or lacks a column; later RunnerError if its content is malformed.
    """
    with _explain_errors(path, "CSV"), open_csv(path) as file:
        header = csv.open_csv(file, csv.ReadOptions(block_size=BLOCK_BYTES), RFC_4180).schema.names
        wanted = [header[position] for position in _positions(path, source, header)]
    return _csv_pages(path, source, wanted)


def read_parquet(path: Path, source: Source) -> Iterator[pa.Table]:
    """Read a Parquet file in batches, with its own types; otherwise like `read_csv`."""
    with _explain_errors(path, "Parquet"), _open_parquet(path) as file:
        schema = file.schema_arrow
        wanted = [schema.names[position] for position in _positions(path, source, schema.names)]
        try:
            for name, column in zip(wanted, source.columns, strict=True):
                check_readable(schema.field(name).type, column)
        except RunnerError as error:
            raise UsageError(f"{path}: {error}") from error
    return _parquet_pages(path, source, wanted)


def _csv_pages(path: Path, source: Source, wanted: list[str]) -> Iterator[pa.Table]:
    with _explain_errors(path, "CSV"), open_csv(path) as file:
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.binary()),
            include_columns=wanted,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with csv.open_csv(file, csv.ReadOptions(block_size=BLOCK_BYTES), RFC_4180, convert) as reader:
            for batch in reader:
                fields = [_field(values, column) for values, column in zip(batch.columns, source.columns, strict=True)]
                yield pa.table(fields, names=source.column_names)


def _field(values: pa.Array, column: Column) -> pa.Array:
    """Fields as text, or as bytes if one of them is not UTF-8."""
    if column.kind != "text":
        values = pc.if_else(pc.equal(pc.binary_length(values), 0), None, values)
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return values


def _parquet_pages(path: Path, source: Source, wanted: list[str]) -> Iterator[pa.Table]:
    with _explain_errors(path, "Parquet"), _open_parquet(path) as file:
        for batch in file.iter_batches(_batch_rows(file.metadata), columns=wanted):
            yield pa.Table.from_batches([batch]).select(wanted).rename_columns(source.column_names)


def _open_parquet(path: Path) -> parquet.ParquetFile:
    """As nanoseconds, the times of old files would wrap around outside 1677 to 2262."""
    return parquet.ParquetFile(path, coerce_int96_timestamp_unit="us")


def _batch_rows(metadata: parquet.FileMetaData) -> int:
    """Fewer rows at once if they are large."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=1)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(widest, 1))))


@contextmanager
def _explain_errors(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # Arrow's, of a damaged file
            raise _malformed(path, kind, error) from error
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, pa.ArrowException) as error:  # ArrowInvalid, UnicodeDecodeError
        raise _malformed(path, kind, error) from error


def _malformed(path: Path, kind: str, error: Exception) -> RunnerError:
    return RunnerError(f"{path} is not a {kind} file that can be read: {_shown(str(error))}")


def _shown(text: str) -> str:
    """Text of a file in a message: one line, and nothing that a terminal would act on."""
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]} …"


def _positions(path: Path, source: Source, header: list[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
    found = {name: position for position, name in enumerate(names)}
    positions = [found.get(c.snowflake_name.lower(), found.get(c.name.lower())) for c in source.columns]
    missing = [c.snowflake_name for c, position in zip(source.columns, positions, strict=True) if position is None]
    if missing:
        shown = _shown(", ".join(header))
        raise UsageError(f"{path} has no column {', '.join(missing)}: {source.name} needs it (header: {shown})")
    used = [position for position in positions if position is not None]
    if twice := [names[position] for position in used if Counter(names)[names[position]] > 1]:
        raise UsageError(f"{path} has two columns {', '.join(twice)}: keep one of them")
    return used
