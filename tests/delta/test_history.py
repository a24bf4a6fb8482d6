"""Random histories of a market: whatever runs, fails or starts over, a complete build equals a rebuild.

`HYPOTHESIS_PROFILE=thorough` runs hundreds of them, and shrinks what it finds.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.delta.breaking import Moment, broken
from tests.delta.conftest import Workshop
from tests.delta.market import EDITIONS, MOMENTS, SOURCES, TEAMS, TIERS, WALLETS, Change, Market
from tests.delta.oracle import differences
from tests.delta.project import MODELS, Run

COMMON = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    verbosity=Verbosity[os.environ.get("HYPOTHESIS_VERBOSITY", "normal")],
)
PROFILES = {
    "quick": settings(COMMON, max_examples=3, stateful_step_count=9, derandomize=True, phases=[Phase.generate]),
    "thorough": settings(
        COMMON, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "200")), stateful_step_count=10
    ),
}
PROFILE = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")]

moments = st.sampled_from(MOMENTS)
several = st.sets(moments, max_size=6)
wallets = st.sampled_from(WALLETS)
editions = st.sampled_from(EDITIONS)
amounts = st.sampled_from([None, 0, 1, 2.5, 1_000_000])


def change(kind: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Change]:
    return st.tuples(st.just(kind), *arguments)


CHANGES = st.one_of(
    change("mint", moments, wallets, st.none() | editions),
    change("transfer", moments, wallets),
    change("lock", moments, st.booleans()),
    change("burn", moments),
    change("describe", moments, editions | st.none()),
    change("forget", moments),
    change("renumber", moments, st.none() | st.integers(1, 20)),
    change("correct", editions, st.sampled_from(TIERS), st.sampled_from(TEAMS), several | st.just(set(MOMENTS))),
    change("price", editions, amounts, amounts),
    change("unprice", editions),
    change("rename", wallets, st.sampled_from(["Ada", "Bob", " ", None])),
    change("unname", wallets),
    change("sell_all", wallets, st.none() | wallets),
    change("buy", wallets, several),
)
BEGINNING = st.tuples(*(change("mint", st.just(moment), wallets, st.none() | editions) for moment in MOMENTS)).flatmap(
    lambda minted: st.lists(CHANGES, max_size=6).map(lambda changes: [*minted, *changes])
)


class History(RuleBasedStateMachine):
    """Loads and runs in any order; each example has a new database."""

    def __init__(self, workshop: Workshop, counts: dict[str, int]) -> None:
        super().__init__()
        self.project = workshop.renew()
        self.counts = counts
        self.market = Market()
        self.connection = psycopg.connect(self.project.url, autocommit=True)
        self._count("histories")

    @initialize(changes=BEGINNING)
    def begin(self, changes: list[Change]) -> None:
        self.market.happen(changes)
        self.market.load_all(self.connection, whole=True)
        self._build()

    @rule(
        changes=st.lists(CHANGES, max_size=10),
        whole=st.booleans(),
        twice=st.booleans(),
        sources=st.just(set(SOURCES)) | st.sets(st.sampled_from(SOURCES)),
    )
    def load(self, changes: list[Change], whole: bool, twice: bool, sources: set[str]) -> None:
        self.market.happen(changes)
        for source in SOURCES:
            if source in sources:
                read_whole = whole or source in SOURCES[2:]
                self.market.load(self.connection, source, whole=read_whole, twice=twice)

    @rule(source=st.sampled_from(SOURCES))
    def load_a_new_baseline(self, source: str) -> None:
        self.connection.execute(f"truncate raw.{source}")
        self.market.load(self.connection, source, whole=True, twice=False)

    @rule(rebuild_share=st.sampled_from([1e9, 1e9, 0.5]), compact_share=st.sampled_from([1e9, 0, 0.5]))
    def build(self, rebuild_share: float, compact_share: float) -> None:
        self._build(rebuild_share, compact_share)

    @rule(models=st.sets(st.sampled_from(MODELS), min_size=1, max_size=5), compact_share=st.sampled_from([1e9, 0]))
    def build_some_models(self, models: set[str], compact_share: float) -> None:
        self._count("runs")
        self._assert_ok(self.project.run(*sorted(models), compact_share=compact_share))

    @rule(model=st.sampled_from(MODELS))
    def refresh_one_model_in_full(self, model: str) -> None:
        self._count("runs")
        self._assert_ok(self.project.run(model, full_refresh=True))

    # The view refreshes in one statement, and takes no trigger.
    @rule(
        model=st.sampled_from([model for model in MODELS if model != "explorer_filters_snapshot"]),
        moment=st.sampled_from(["writing", "wrote"]),
        full_refresh=st.booleans(),
    )
    def build_with_a_failure(self, model: str, moment: Moment, full_refresh: bool) -> None:
        self._count("failed runs")
        with broken(self.connection, model, moment):
            run = self.project.run(full_refresh=full_refresh)
        assert run.failed == [model], "\n".join(run.errors.values())

    def teardown(self) -> None:
        try:
            self._build()
        finally:
            self.connection.close()

    def _build(self, rebuild_share: float = 1e9, compact_share: float = 1e9) -> None:
        self._count("complete builds")
        self._assert_ok(self.project.run(rebuild_share=rebuild_share, compact_share=compact_share))
        wrong = {table: rows for table, rows in differences(self.connection).items() if rows}
        assert not wrong, f"rows that differ from a rebuild: {wrong}"

    def _assert_ok(self, run: Run) -> None:
        self._count("rebuilt models", len(run.rebuilt))
        self._count("models", len(run.status) - 2)  # and two hooks
        assert run.ok, "\n".join(run.errors.values())

    def _count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number


@pytest.mark.database
def test_a_build_equals_a_rebuild_after_any_history(
    workshop: Workshop, record_property: Callable[[str, object], None]
) -> None:
    counts: dict[str, int] = {}

    class HistoryHere(History):
        def __init__(self) -> None:
            super().__init__(workshop, counts)

    run_state_machine_as_test(HistoryHere, settings=PROFILE)
    for what, count in counts.items():
        record_property(what, count)
