"""`python -m benchmarks.fill HELD`: an empty database gets a synthetic collection with so many held moments.

Through the loader's own way from Arrow on, without Snowflake in front of it. DATABASE_URL names the database.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import duckdb
import pyarrow as pa

from python_runner.demo import sample
from python_runner.ingest.load import load_fetched
from python_runner.ingest.source_progress import SourceProgress
from python_runner.ingest.staging import Page
from python_runner.postgres import raw_schema
from python_runner.postgres.pool import Pool, open_pool
from python_runner.settings import PostgresSettings, postgres_settings
from python_runner.snowflake.queries import EVERYTHING, select
from python_runner.snowflake.workers import Workers
from python_runner.sources import Source, read_sources

PAGE = 200_000


def main() -> None:
    """Fill the database and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fill")
    parser.add_argument("held", type=int, help="moments that a wallet holds")
    seconds = fill(postgres_settings(), parser.parse_args().held)
    print(f"filled in {seconds:.0f} s")  # noqa: T201


def fill(settings: PostgresSettings, held: int) -> float:
    """Generate and load; returns the seconds that loading took."""
    scale = sample.Scale(round(held * sample.FULL_MOMENTS / sample.FULL_HELD))
    with TemporaryDirectory(prefix="sample-") as folder:
        path = Path(folder) / f"{sample.DATABASE}.db"
        sample.generate(path, scale)
        begin = perf_counter()
        with open_pool(settings) as pool, duckdb.connect(str(path), read_only=True) as generated:
            generated.execute(f"set enable_progress_bar = false; set schema = '{sample.SCHEMA}'")
            sources = read_sources()
            with pool.connection() as connection:
                raw_schema.create_tables(connection, list(sources.values()))
            for source in sources.values():
                _load(pool, generated, source)
        return perf_counter() - begin


def _load(pool: Pool, generated: duckdb.DuckDBPyConnection, source: Source) -> None:
    reader = generated.sql(select(source, EVERYTHING).sql).to_arrow_reader(PAGE)
    pages = (Page(number, partial(pa.Table.from_batches, [batch])) for number, batch in enumerate(reader))
    with closing(Workers(2)) as workers:
        load_fetched(pool, source, pages, mode="first", whole=True, workers=workers, progress=SourceProgress())


if __name__ == "__main__":
    main()
