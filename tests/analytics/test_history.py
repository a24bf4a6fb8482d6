"""Whatever happens to the database, the copy equals it after a sync, and each earlier refresh answers as it did."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.analytics.story import Story
from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.scene import CHANGES as SOME
from tests.delta.test_history import CHANGES, COMMON

Record = Callable[[str, object], None]
MODELS = ("int_wallet_editions", "int_editions", "int_wallet_facts", "intermediate")


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
    days = story.ask(
        "select max(refresh), list(refresh order by refresh) from refreshes group by synced_at::date order by 1"
    )
    *earlier, (_, today) = days
    story.compact_copy()
    assert story.numbers() == [number for number, _ in earlier] + today
    assert len(story.numbers()) < 7
    story.verify()


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


class History(RuleBasedStateMachine):
    """Anything, in any order."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story
        story.counts["histories"] += 1
        story.sync()

    @rule(changes=st.lists(CHANGES, max_size=8))
    def trade_and_run(self, changes: list[tuple[object, ...]]) -> None:
        self.story.trade(changes)
        self.story.run()

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=4), model=st.sampled_from(MODELS))
    def trade_and_run_one_model(self, changes: list[tuple[object, ...]], model: str) -> None:
        self.story.trade(changes)
        self.story.run(model)

    @rule(model=st.sampled_from(MODELS))
    def refresh_in_full(self, model: str) -> None:
        self.story.run(model, full_refresh=True)

    @rule()
    def compact_changelogs(self) -> None:
        self.story.compact_changelogs()

    @rule()
    def truncate(self) -> None:
        self.story.truncate()

    @rule()
    def save(self) -> None:
        self.story.save()

    @rule()
    def restore(self) -> None:
        self.story.restore()

    @rule()
    def sync(self) -> None:
        self.story.sync()

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=4), compacted=st.booleans())
    def sync_beside_a_build(self, changes: list[tuple[object, ...]], compacted: bool) -> None:
        def build() -> None:
            self.story.trade(changes)
            self.story.run()
            if compacted:
                self.story.compact_changelogs()

        self.story.sync(build)

    @rule(call=st.integers(0, 30))
    def kill_sync(self, call: int) -> None:
        self.story.kill_sync(call)

    @rule()
    def compact_copy(self) -> None:
        self.story.compact_copy()

    def teardown(self) -> None:
        self.story.run()
        self.story.sync()
        self.story.verify()
        self.story.close()


@pytest.mark.slow
def test_any_history(workshop: Workshop, opened: Market, tmp_path: Path, record_property: Record) -> None:
    stories: list[Story] = []

    class HistoryHere(History):
        def __init__(self) -> None:
            folder = tmp_path / f"copy {len(stories)}"
            stories.append(Story(workshop, opened, folder, stories[0].counts if stories else Counter()))
            super().__init__(stories[-1])

    examples = int(os.environ.get("HYPOTHESIS_EXAMPLES", "10"))
    profile = settings(COMMON, max_examples=examples, stateful_step_count=14, phases=[Phase.generate], derandomize=True)
    run_state_machine_as_test(HistoryHere, settings=profile)
    for what, count in stories[0].counts.items():
        record_property(what, count)
