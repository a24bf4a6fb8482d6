"""Commands, loads, deleted watermarks, kills and crashes at random: one ordinary run later all equals a rebuild.

`CONCURRENCY_ROUNDS=200` plays so many rounds. `CONCURRENCY_SEED` and `CONCURRENCY_FIRST` repeat some of them, as far as
processes repeat themselves: begin with a multiple of five.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from python_runner.demo import embedded
from tests.delta.conftest import Workshop
from tests.delta.market import EDITIONS, MOMENTS, WALLETS, Market
from tests.delta.oracle import differences
from tests.delta.rounds import Round, Server, in_short, opened
from tests.delta.workers import workers

pytestmark = [pytest.mark.database, pytest.mark.slow]

ROUNDS = int(os.environ.get("CONCURRENCY_ROUNDS", "4"))
FIRST = int(os.environ.get("CONCURRENCY_FIRST", "0"))
TOGETHER = 5  # rounds that go on from each other
SEED = int(os.environ.get("CONCURRENCY_SEED", random.randrange(1_000_000)))


@pytest.fixture(scope="module")
def server(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nobody else's, since it crashes."""
    folder = tmp_path_factory.mktemp("crashing")
    try:
        yield Server.prepare(folder, workshop.project)
    finally:
        embedded.stop(folder, remove=True)


def test_a_crash_after_a_copy_of_the_database_takes_no_step_back(server: Server) -> None:
    """What a sequence had in the template is not written to disk again before it has gone further."""
    server.database.renew("traded")
    market, refused, wrong = opened(), list[str](), list[dict[str, int]]()
    for day, wallet in enumerate(WALLETS):
        market.happen([("transfer", moment, wallet) for moment in MOMENTS[::2]])
        market.happen([("price", edition, day, day) for edition in EDITIONS])
        with server.connect() as connection:
            for _ in range(10):  # each refused batch takes a number
                try:
                    market.load_all(connection)
                except psycopg.errors.UniqueViolation as error:
                    refused.append(str(error))
                else:
                    break
            run = server.project.run()
            assert run.ok, run.errors
            wrong.append({table: rows for table, rows in differences(connection).items() if rows})
        if day == 1:
            server.crash()
    assert not any(wrong), f"rows that differ from a rebuild, by day: {wrong}"
    assert not refused


def test_commands_that_meet_at_random(
    server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter(rounds=ROUNDS)
    failures: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    wrong: list[str] = []
    market: Market | None = None
    for number in range(FIRST, FIRST + ROUNDS):
        if number % TOGETHER == 0 or not market:
            server.database.renew("traded")
            market = opened()
        with workers(tmp_path / f"{number}") as started:
            name = f"seed {SEED}, round {number}"
            one = Round(name, server, market, counts, server.connect(), started)
            one.play()
            failures[one.disturbed].update(map(in_short, one.failed))
            if said := one.finish():
                wrong.append("\n    ".join([f"{name}: {said}", *one.story, *one.failed]))
                market = None  # the next round does not go on from this
            one.connection.close()
    counts["wrong rounds"] = len(wrong)
    counts["failures"], counts["failures after a kill or a crash"] = (f.total() for f in failures.values())
    report = [f"{what}: {count}" for what, count in counts.items()]
    for disturbed, messages in failures.items():
        when = "after a kill or a crash" if disturbed else "failed"
        report += [f"{when}, {times} times: {message}" for message, times in messages.most_common()]
    for line in report:
        record_property(*line.split(": ", 1))
    sys.stdout.write("\n".join(report) + "\n")
    assert not wrong, "\n".join(wrong)
