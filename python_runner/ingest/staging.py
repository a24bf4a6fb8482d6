"""Fills the stage of a source: several workers fetch, clean and copy pages in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from functools import partial

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.sql import SQL, Identifier

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
    statement = SQL("copy {stage} ({columns}) from stdin with (format binary)").format(
        stage=raw_schema.stage(source), columns=SQL(", ").join(map(Identifier, source.column_names))
    )

    def copy(connection: Connection) -> None:
        if not record_page(connection, plan, number, len(table), page.rejects):
            return
        encoder = ArrowToPostgresBinaryEncoder(page.rows.schema)
        with connection.cursor().copy(statement) as sink:
            sink.write(encoder.write_header())
            for batch in page.rows.to_batches():
                sink.write(encoder.write_batch(batch))
            sink.write(encoder.finish())

    pool.run_with_retry(copy)
    progress.page_staged(len(table))


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()
