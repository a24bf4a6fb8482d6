"""Readers during loads, builds and a full refresh: they see whole states alone, and wait for nothing long."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

import psycopg
import pytest

from tests.delta.conftest import Workshop
from tests.delta.crowd import open_crowd, trade_crowd
from tests.delta.project import SNAPSHOTS, Connection

pytestmark = pytest.mark.database

State = tuple[int, int]
States = dict[str, set[State]]


def read(connection: Connection, table: str, *, prepare: bool = False) -> State:
    """How many rows a table has, and a digest of what is in them, the time of update aside."""
    query = f"""
        select count(*), coalesce(sum(hashtextextended((to_jsonb(row_) - 'updated_at')::text, 0)), 0)
        from {table} as row_
    """
    row = connection.execute(query, prepare=prepare).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


class Reader(threading.Thread):
    """Reads all tables repeatedly until it is stopped or fails."""

    def __init__(self, url: str, *, prepare: bool) -> None:
        super().__init__()
        self.url = url
        self.prepare = prepare
        self.stopped = threading.Event()
        self.seen: States = defaultdict(set)
        self.longest = 0.0
        self.reads = 0
        self.error: psycopg.Error | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not self.stopped.wait(0.05):  # or they leave the build little of the processor
                    for table in SNAPSHOTS:
                        begin = perf_counter()
                        self.seen[table].add(read(connection, table, prepare=self.prepare))
                        self.longest = max(self.longest, perf_counter() - begin)
                        self.reads += 1
        except psycopg.Error as error:
            self.error = error


@pytest.mark.slow
def test_readers_see_whole_states_alone(workshop: Workshop, record_property: Callable[[str, object], None]) -> None:
    project = workshop.renew()
    published: States = defaultdict(set)
    with psycopg.connect(project.url, autocommit=True) as connection:

        def build(*, full_refresh: bool = False) -> None:
            assert project.run(full_refresh=full_refresh).ok
            for table in SNAPSHOTS:
                published[table].add(read(connection, table))

        open_crowd(connection, 20_000)
        build()
        readers = [Reader(project.url, prepare=prepare) for prepare in (False, True)]
        for reader in readers:
            reader.start()
        try:
            for seed in (1, 2):
                trade_crowd(connection, seed)
                build()
            trade_crowd(connection, 3)
            build(full_refresh=True)
            connection.execute("delete from delta.watermarks")  # every model is rebuilt in place
            trade_crowd(connection, 4)
            build()
        finally:
            for reader in readers:
                reader.stopped.set()
                reader.join()
    for reader in readers:
        assert reader.error is None
        assert reader.reads > len(SNAPSHOTS)
        for table, states in reader.seen.items():
            assert states <= published[table], table
            assert all(rows for rows, _ in states)
    record_property("reads", sum(reader.reads for reader in readers))
    record_property("longest read in ms", round(max(reader.longest for reader in readers) * 1000))
