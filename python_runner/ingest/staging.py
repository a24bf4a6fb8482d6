"""Fills the stage of a source: several workers fetch, clean and copy pages in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from functools import partial

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.sql import SQL, Identifier
from pyarrow import csv

from python_runner.ingest.clean import clean
from python_runner.ingest.load_plan import Plan, record_page
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Connection, Pool

Fetch = Callable[[], pa.Table]


def fill_stage(
    pool: Pool, plan: Plan, fetches: Iterable[tuple[int, Fetch]], *, workers: int, progress: SourceProgress
) -> None:
    """Run the fetches and copy each result as the page with its number. The first failure stops the others."""
    pa.set_memory_pool(pa.system_memory_pool())  # gives back what a page took; the others keep it for the next
    tasks = (partial(_copy_page, pool, plan, number, fetch, progress) for number, fetch in fetches)
    with ThreadPoolExecutor(workers, thread_name_prefix=plan.source.name) as executor:
        pending: set[Future[None]] = set()
        try:
            for task in tasks:
                if len(pending) >= workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    _raise_first(done)
                pending.add(executor.submit(task))
            _raise_first(as_completed(pending))
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _copy_page(pool: Pool, plan: Plan, number: int, fetch: Fetch, progress: SourceProgress) -> None:
    source = plan.source
    table = fetch()
    page = clean(table, source)
    # A numeric of any precision and scale has no Arrow type. It travels as text, which COPY reads in CSV only.
    as_text = any(column.kind == "numeric" and column.type.precision is None for column in source.columns)
    statement = SQL("copy {stage} ({columns}) from stdin with (format {format})").format(
        stage=raw_schema.stage(source),
        columns=SQL(", ").join(map(Identifier, source.column_names)),
        format=SQL("csv" if as_text else "binary"),
    )

    def copy(connection: Connection) -> None:
        if not record_page(connection, plan, number, len(table), page.rejects):
            return
        with connection.cursor().copy(statement) as sink:
            for encoded in _csv(page.rows) if as_text else _binary(page.rows):
                sink.write(encoded)

    pool.run_with_retry(copy)
    progress.page_staged(len(table))


def _binary(rows: pa.Table) -> Iterator[bytes]:
    encoder = ArrowToPostgresBinaryEncoder(rows.schema)
    yield encoder.write_header()
    for batch in rows.to_batches():
        yield encoder.write_batch(batch)
    yield encoder.finish()


def _csv(rows: pa.Table) -> Iterator[bytes]:
    """Text is quoted and NULL is not, so that NULL and the empty text differ."""
    for batch in rows.to_batches():
        encoded = pa.BufferOutputStream()
        csv.write_csv(batch, encoded, csv.WriteOptions(include_header=False))
        yield encoded.getvalue().to_pybytes()


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()
