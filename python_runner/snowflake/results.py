"""The result of a statement, in the chunks in which Snowflake delivers it. Fetching a chunk is no statement."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from snowflake.connector import errors, result_batch

from python_runner.errors import TransientError

if TYPE_CHECKING:
    from python_runner.snowflake.client import Snowflake

# Every attempt is made by the client, which reports it.
result_batch.MAX_DOWNLOAD_RETRY = 1


class Result:
    """A result of known size: the rows of each chunk. Chunk 0 has come with the answer, the others have URLs."""

    def __init__(self, snowflake: Snowflake, query_id: str, batches: list[Any]) -> None:
        self._snowflake, self._query_id = snowflake, query_id
        self._batches = batches
        self._lock = threading.Lock()
        self.rows: list[int] = [batch.rowcount for batch in batches]

    def bytes(self, number: int) -> int:
        """The size of a chunk that is to be fetched."""
        return self._batches[number].uncompressed_size or 0

    def read(self, number: int) -> pa.Table:
        """The rows of a chunk, with lower-case column names. RunnerError if all retries fail."""
        return self._snowflake.retried(lambda: self._read(number), of_service=False)

    def read_all(self) -> pa.Table:
        """All rows. Snowflake may send the numbers of one chunk with fewer bits than those of another."""
        tables = [self.read(number) for number in range(len(self.rows))]
        return pa.concat_tables([t for t in tables if len(t)] or tables[:1], promote_options="permissive")

    def _read(self, number: int) -> pa.Table:
        batches = self._batches
        try:
            table = self._parsed(batches[number])
        except errors.ForbiddenError:  # the URL has expired
            table = self._parsed(self._renewed(batches)[number])
        if len(table) != self.rows[number]:
            raise errors.OperationalError(f"chunk {number} has {len(table)} of its {self.rows[number]} rows")
        return table.rename_columns([name.lower() for name in table.column_names])

    def _parsed(self, batch: Any) -> pa.Table:
        return batch.to_arrow(connection=self._snowflake.connection, force_microsecond_precision=True)

    def _renewed(self, expired: list[Any]) -> list[Any]:
        """The chunks with fresh URLs, which one thread asks for."""
        with self._lock:
            if self._batches is expired:
                batches = self._snowflake.batches(self._query_id)
                if [batch.rowcount for batch in batches] != self.rows:
                    raise TransientError(
                        f"Snowflake has divided the result of query {self._query_id} in another way: run it again"
                    )
                self._batches = batches
            return self._batches
