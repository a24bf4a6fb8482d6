"""The threads that read chunks hold a bounded number of bytes, and stop together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from python_runner.errors import RunnerError
from python_runner.snowflake.workers import MAX_BYTES, Task, Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    with closing(Workers(4)) as workers:
        yield workers


@pytest.mark.parametrize(("size", "most"), [(0, 4), (MAX_BYTES // 2, 2), (MAX_BYTES // 2 + 1, 1), (9 * MAX_BYTES, 1)])
def test_large_chunks_are_worked_on_by_fewer_threads(workers: Workers, size: int, most: int) -> None:
    """As many as are let in meet at a barrier; one more would break it."""
    lock, inside, seen = threading.Lock(), [0], []
    together = threading.Barrier(most)

    def work() -> None:
        with lock:
            inside[0] += 1
            seen.append(inside[0])
        together.wait(10)
        with lock:
            inside[0] -= 1

    workers.run(Task(work, size) for _ in range(4 * most))
    assert max(seen) == most


def test_the_first_failure_ends_a_run_and_leaves_the_workers_usable(workers: Workers) -> None:
    done: list[int] = []

    def fail_at(number: int) -> Callable[[], None]:
        def work() -> None:
            if number == 5:
                raise RunnerError("the fifth")
            done.append(number)

        return work

    with pytest.raises(RunnerError, match="the fifth"):
        workers.run(Task(fail_at(number)) for number in range(1000))
    assert len(done) < 20
    workers.run([Task(fail_at(-1))])
    assert done[-1] == -1


def test_nothing_begins_after_a_stop(workers: Workers) -> None:
    workers.stop()
    with pytest.raises(RunnerError, match="stopped"):
        workers.run([Task(lambda: pytest.fail("it began"))])
