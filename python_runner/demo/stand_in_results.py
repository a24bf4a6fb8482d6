"""Large results of the stand-in: their first rows, and chunks of the others on disk."""

from __future__ import annotations

import secrets
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

ROW_GROUP = 122_880  # of DuckDB
FIRST_ROWS = 500

warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)


@dataclass
class Spooled:
    """A large result: its first rows, and a file for each chunk of the others. fakesnow takes it for an Arrow table."""

    first: pa.Table
    folder: Path
    counts: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    rowtype: Any = None

    @property
    def num_rows(self) -> int:
        """All rows."""
        return len(self.first) + sum(self.counts)

    @property
    def bytes(self) -> int:
        """All chunks."""
        return sum(self.sizes)

    def add(self, rows: pa.Table) -> None:
        """Write the next chunk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._file(len(self.counts))
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
            writer.write_table(rows)
        self.counts.append(len(rows))
        self.sizes.append(path.stat().st_size)

    def read(self, number: int) -> pa.Table:
        """The rows of a chunk. FileNotFoundError if there is none."""
        with pa.memory_map(str(self._file(number))) as file, pa.ipc.open_stream(file) as reader:
            return reader.read_all()

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.arrow"


class Spooling:
    """A DuckDB connection that writes large results to disk while it reads them."""

    def __init__(self, connection: DuckDBPyConnection, folder: Path, chunk_rows: int) -> None:
        self._connection, self._folder, self._chunk_rows = connection, folder, chunk_rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def to_arrow_table(self) -> pa.Table | Spooled:
        """The result of the last statement."""
        reader: Any = self._connection.to_arrow_reader(ROW_GROUP)
        chunks = self._chunks(pa.Table.from_batches([batch]) for batch in reader)
        start = next(chunks, reader.schema.empty_table())
        first = min(FIRST_ROWS, self._chunk_rows)
        spooled = Spooled(start.slice(0, first), self._folder / secrets.token_hex(16))
        for rows in chain([start.slice(first)] if len(start) > first else [], chunks):
            spooled.add(rows)
        return spooled if spooled.counts else spooled.first

    def _chunks(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        rest: pa.Table | None = None
        for table in tables:
            rest = pa.concat_tables([rest, table]) if rest else table
            while len(rest) >= self._chunk_rows:
                yield rest.slice(0, self._chunk_rows)
                rest = rest.slice(self._chunk_rows)
        if rest:
            yield rest
