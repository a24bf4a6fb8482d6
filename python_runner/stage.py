"""Fills the stage of a source: pages are fetched, cleaned and copied by a few workers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.sql import SQL, Identifier

from python_runner import raw
from python_runner.clean import Dirt, clean
from python_runner.postgres import Pool, translated
from python_runner.sources import Source

Fetch = Callable[[], pa.Table]


class Meter:
    """Is told how far a load has come; this one keeps it to itself."""

    def compared(self, buckets: int, differing: int) -> None:
        """The checksums of so many buckets are compared."""

    def expect(self, pages: int) -> None:
        """So many pages will be fetched."""

    def page(self, rows: int) -> None:
        """One page with so many rows is staged."""


@dataclass
class Staged:
    """What has been fetched so far; shared by the workers."""

    fetched: int = 0
    dirt: list[Dirt] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def rejected(self) -> int:
        """Rows left out."""
        return sum(not dirt.loaded for dirt in self.dirt)


def fill_stage(pool: Pool, source: Source, fetches: Iterable[Fetch], *, workers: int, meter: Meter) -> Staged:
    """Run the fetches and copy what they return; the first failure stops the rest and is raised."""
    with translated(), pool.connection() as connection:
        raw.recreate_stage(connection, source)
    staged = Staged()
    tasks = (partial(_copy_page, pool, source, fetch, staged, meter) for fetch in fetches)
    with ThreadPoolExecutor(workers, thread_name_prefix=source.name) as executor:
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
    return staged


def _copy_page(pool: Pool, source: Source, fetch: Fetch, staged: Staged, meter: Meter) -> None:
    table = fetch()
    page = clean(table, source)
    encoder = ArrowToPostgresBinaryEncoder(page.rows.schema)
    statement = SQL("copy {stage} ({columns}) from stdin with (format binary)").format(
        stage=raw.stage(source), columns=SQL(", ").join(map(Identifier, source.column_names))
    )
    with translated(), pool.connection() as connection, connection.cursor().copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in page.rows.to_batches():
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())
    with staged.lock:
        staged.fetched += len(table)
        staged.dirt += page.dirt
    meter.page(len(table))


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        future.result()
