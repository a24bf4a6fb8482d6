"""Whatever happens to the database, the copy equals it after a sync, and each earlier refresh answers as it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.analytics.story import Story
from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.rounds import some_change
from tests.delta.scene import CHANGES as SOME

pytestmark = pytest.mark.database

Record = Callable[[str, object], None]
MODELS = ("int_wallet_editions", "int_editions", "int_wallet_facts", "intermediate")
EVENTS = 20


@pytest.fixture
def story(workshop: Workshop, opened: Market, tmp_path: Path) -> Iterator[Story]:
    story = Story(workshop, opened, tmp_path / "copy")
    yield story
    story.close()


def test_one_history(story: Story) -> None:
    assert story.sync().refresh == 1
    assert not story.sync().rows  # nothing is new
    story.save()
    story.trade(SOME)
    story.run("int_wallet_editions")
    partly = story.sync()
    assert {name for name, count in partly.rows.items() if count} == {"wallet_profiles"}  # facts have read no more
    story.run()
    assert story.sync().refresh == 3

    story.restore()
    for wallet in ("0xa", "0xb"):
        story.trade([("transfer", 2, wallet)])
        story.run()
    # The steps have the numbers that others had before.
    assert story.sync().refresh == 4

    story.run(full_refresh=True)
    assert not story.sync().rows  # a rebuild changes nothing
    story.trade([("transfer", 2, "0xa"), ("price", "ED1", 1, 1)])
    story.run()
    story.trade([("transfer", 3, "0xb"), ("burn", 5)])
    story.run()
    story.compact_changelogs()  # beyond the position
    compacted = story.sync()
    assert compacted.refresh == 5
    assert set(compacted.compared.values()) == {"it was compacted or truncated"}

    story.restore()
    assert story.sync().refresh == 6
    assert story.of_copy(6) == story.of_copy(1)
    story.trade([("transfer", 7, "0xc"), ("rename", "0xc", "Cy")])
    story.run()
    assert story.sync().refresh == 7
    expected = story.after_compaction()
    assert len(expected) < 7
    story.compact_copy()
    assert story.numbers() == expected
    story.verify()


def test_a_changelog_that_begins_again(story: Story) -> None:
    """Its steps have the numbers that others had before: none of its readers has seen those."""
    story.run(full_refresh=True)
    story.sync()
    story.trade(SOME)
    story.run("int_wallet_editions")
    story.truncate()
    assert story.sync().compared["int_wallet_facts"] == "it was compacted or truncated"
    story.verify()


@pytest.mark.slow
def test_a_build_and_a_compaction_beside_a_sync(story: Story) -> None:
    story.sync()
    story.trade(SOME)
    story.run()

    def build() -> None:
        story.trade([("transfer", 2, "0xb"), ("price", "ED2", 4, 4)])
        story.run()

    def build_and_compact() -> None:
        build()
        story.compact_changelogs()

    story.sync(build)
    story.trade([("transfer", 4, "0xa")])
    story.run()
    story.sync(build_and_compact, before="_place")
    story.sync()
    story.verify()


def play(story: Story, random: Random) -> None:
    """One thing after the other, at random; more syncs than anything else."""

    def trade() -> None:
        story.trade([some_change(random) for _ in range(random.randint(1, 6))])

    def build() -> None:
        trade()
        story.run()

    def build_and_compact() -> None:
        trade()
        story.compact_changelogs()

    def build_in_part() -> None:
        trade()
        story.run(random.choice(MODELS))

    events: dict[Callable[[], object], float] = {
        story.sync: 5,
        build: 3,
        build_in_part: 2,
        build_and_compact: 1,
        lambda: story.run(random.choice(MODELS), full_refresh=True): 1,
        story.truncate: 0.5,
        story.save: 0.7,
        story.restore: 1,
        lambda: story.sync(build): 1,
        lambda: story.sync(build_and_compact, before="_place"): 0.5,
        lambda: story.kill_sync(random.randint(0, 30)): 2,
        story.compact_copy: 1,
    }
    story.sync()
    for event in random.choices(list(events), list(events.values()), k=EVENTS):
        event()
    story.run()
    story.sync()
    story.verify()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("ANALYTICS_HISTORIES", "3"))))
def test_any_history(story: Story, seed: int, record_property: Record) -> None:
    play(story, Random(seed))
    for what, count in story.counts.items():
        record_property(what, count)
