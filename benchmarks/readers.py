"""What the site's visitors notice of a refresh: four of them ask its queries, over and over, while it runs."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from statistics import quantiles
from threading import Barrier, Event
from time import perf_counter, sleep
from typing import Any

import psycopg

from benchmarks.changes import last_batch, move
from benchmarks.progress import say
from benchmarks.site import filled, pick, site_queries
from benchmarks.variants import SNAPSHOTS, Variant
from python_runner.postgres.pool import Connection
from python_runner.settings import PostgresSettings

READERS, PAUSE_S, IDLE_S, MOVED = 4, 0.01, 5, 0.01
# What is asked for in a query, by name.
Choices = dict[str, list[str]]


@dataclass(frozen=True)
class Latency:
    """Of all reads, from the call to the last row; empty are those that found none of what is always there."""

    reads: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    empty: int


def compare(variants: Sequence[Variant], keep: Callable[[dict[str, Any]], None]) -> None:
    """What readers see of each variant's snapshots after 1 % of the moments have moved, and of ours in between."""
    ours = variants[-1]
    since = last_batch(ours.connection)
    move(ours.connection, MOVED)
    asked, choices = questions(ours.connection, ours.settings)
    figures = {"idle": asdict(during(ours.settings, asked, choices, partial(sleep, IDLE_S)))}
    for variant in variants:
        say(f"readers: {variant.name}")
        there = {name: query.replace(f'"{ours.schema}".', f'"{variant.schema}".') for name, query in asked.items()}
        figures[variant.name] = asdict(during(variant.settings, there, choices, partial(variant.refresh, since)))
        keep(figures)


def questions(connection: Connection, settings: PostgresSettings) -> tuple[dict[str, str], Choices]:
    """The site's queries of the six snapshots, and what to ask for: of wallets those that hold enough to remain."""
    asked = {name: query for name, query in site_queries(settings).items() if any(map(query.__contains__, SNAPSHOTS))}
    wallets = "select wallet_address from wallet_summary_snapshot where moments_total > 50 limit 1000"
    return asked, pick(connection) | {"address": [wallet for (wallet,) in connection.execute(wallets).fetchall()]}


def during(
    settings: PostgresSettings, asked: Mapping[str, str], choices: Choices, work: Callable[[], object]
) -> Latency:
    """Readers in processes of their own, until the work is done."""
    processes = multiprocessing.get_context("spawn")
    with processes.Manager() as shared, ProcessPoolExecutor(READERS, mp_context=processes) as pool:
        ready, done = shared.Barrier(READERS + 1), shared.Event()
        readers = [pool.submit(_read, settings.conninfo, asked, choices, ready, done) for _ in range(READERS)]
        ready.wait(timeout=60)
        try:
            work()
        finally:
            done.set()
        results = [reader.result() for reader in readers]
    taken = [milliseconds for latencies, _, _ in results for milliseconds in latencies]
    percentiles = quantiles(taken, n=100, method="inclusive")
    return Latency(
        reads=len(taken),
        p50_ms=round(percentiles[49], 2),
        p99_ms=round(percentiles[98], 2),
        max_ms=round(max(taken), 1),
        errors=sum(errors for _, errors, _ in results),
        empty=sum(empty for _, _, empty in results),
    )


def _read(
    url: str, asked: Mapping[str, str], choices: Choices, ready: Barrier, done: Event
) -> tuple[list[float], int, int]:
    taken: list[float] = []
    errors = empty = 0
    with psycopg.connect(url, autocommit=True) as connection:
        ready.wait(timeout=60)
        while not done.is_set():
            name, query = random.choice(list(asked.items()))  # noqa: S311
            begin = perf_counter()
            try:
                found = connection.execute(filled(query, choices).encode()).fetchall()
            except psycopg.Error:
                errors += 1
            else:
                # A team has no edition of some tiers, and no name may begin as asked.
                empty += not found and name.startswith(("top_", "wallet_"))
            taken.append((perf_counter() - begin) * 1000)
            sleep(PAUSE_S)
    return taken, errors, empty
