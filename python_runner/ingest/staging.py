"""Fills the stage of a source: several workers fetch, clean and copy pages in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.sql import SQL, Identifier
from pyarrow import csv

from python_runner.ingest.clean import RejectedRow, clean
from python_runner.ingest.kept import Room
from python_runner.ingest.load_plan import Plan, record_dirt, record_page
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection, Pool
from python_runner.snowflake.workers import Task, Workers

ROWS_AT_ONCE = 50_000


class Page(NamedTuple):
    """A page to be staged: its number, how to get its rows, and the bytes that they take while they are fetched."""

    number: int
    fetch: Callable[[], pa.Table]
    bytes: int = 0


def fill_stage(pool: Pool, plan: Plan, pages: Iterable[Page], workers: Workers, progress: SourceProgress) -> None:
    """Fetch the pages and copy each of them in a transaction of its own. The first failure stops the others."""
    pa.set_memory_pool(pa.system_memory_pool())  # gives back what a page took; the others keep it for the next
    workers.run(Task(partial(_stage, pool, plan, page, progress), page.bytes) for page in pages)


def _stage(pool: Pool, plan: Plan, page: Page, progress: SourceProgress) -> None:
    table = page.fetch()
    pool.run_with_retry(lambda connection: _copy(connection, plan, page.number, table))
    progress.page_staged(len(table))


def _copy(connection: Connection, plan: Plan, number: int, table: pa.Table) -> None:
    source = plan.source
    if not record_page(connection, plan, number, len(table)):
        return
    # A numeric of any precision and scale has no Arrow type. It travels as text, which COPY reads in CSV only.
    as_text = any(column.kind == "numeric" and column.type.precision is None for column in source.columns)
    statement = SQL("copy {stage} ({columns}) from stdin with (format {format})").format(
        stage=raw_schema.stage(source),
        columns=SQL(", ").join(map(Identifier, source.column_names)),
        format=SQL("csv" if as_text else "binary"),
    )
    rejects: list[RejectedRow] = []
    room = Room()

    def cleaned() -> Iterator[pa.Table]:
        for start in range(0, len(table) or 1, ROWS_AT_ONCE):
            page = clean(table.slice(start, ROWS_AT_ONCE), source, room)
            rejects.extend(page.rejects)
            yield page.rows

    with connection.cursor().copy(statement) as sink:
        for encoded in (_csv if as_text else _binary)(cleaned()):
            sink.write(encoded)
    if rejects:
        record_dirt(connection, plan, number, rejects)


def _binary(tables: Iterator[pa.Table]) -> Iterator[bytes]:
    """The tables, at least one, as one stream."""
    first = next(tables)
    encoder = ArrowToPostgresBinaryEncoder(first.schema)
    yield encoder.write_header()
    for table in chain([first], tables):
        for batch in table.to_batches():
            yield encoder.write_batch(batch)
    yield encoder.finish()


def _csv(tables: Iterator[pa.Table]) -> Iterator[bytes]:
    """Text is quoted and NULL is not, so that NULL and the empty text differ."""
    for table in tables:
        for batch in table.to_batches():
            encoded = pa.BufferOutputStream()
            csv.write_csv(batch, encoded, csv.WriteOptions(include_header=False))
            yield encoded.getvalue().to_pybytes()
