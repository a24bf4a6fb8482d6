"""A kill at any moment leaves the last complete state, and no litter after the next sync."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python_runner.analytics.compact import compact
from python_runner.analytics.folder import Folder
from python_runner.analytics.sync import sync
from tests.analytics.killing import killed_at
from tests.analytics.story import Story
from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.tiers import first_of

pytestmark = pytest.mark.database

MOST = 100  # calls of a sync to the file system
EVERY = pytest.mark.parametrize("every", first_of([5, 1]))


def kills(story: Story, work: Callable[[], object], every: int) -> int:
    """Kill the work at each n-th of its calls, until one is not reached; how many there are."""
    for call in range(0, MOST, every):
        killed = killed_at(call, story.folder, work)
        story.check_earlier()
        if not killed:
            return call
    pytest.fail(f"the work has more than {MOST} calls")


@pytest.fixture
def story(workshop: Workshop, opened: Market, tmp_path: Path) -> Story:
    return Story(workshop, opened, tmp_path / "copy")


@EVERY
def test_a_first_sync(story: Story, every: int) -> None:
    def first_sync() -> None:
        sync(story.settings, from_scratch=Folder(story.folder).history is None)

    assert kills(story, first_sync, every) >= 10
    story.sync()
    story.verify()
    story.close()


@pytest.mark.slow
@EVERY
def test_a_sync_and_a_compaction(story: Story, every: int) -> None:
    story.sync()
    story.trade([("transfer", 1, "0xc"), ("price", "ED1", 9, 9), ("rename", "0xb", "Bea")])
    story.run()
    assert kills(story, story.only_sync, every) >= 5
    story.sync()
    story.verify()

    for wallet in ("0xa", "0xb", "0xc"):
        story.trade([("transfer", 2, wallet)])
        story.run()
        story.sync()
    left = story.after_compaction()
    assert len(left) < len(story.seen)
    story.seen = {number: story.seen[number] for number in left}
    assert kills(story, lambda: compact(story.settings, days=-10_000), every) >= 5
    assert story.numbers() == left
    story.sync()
    story.verify()
    story.close()
