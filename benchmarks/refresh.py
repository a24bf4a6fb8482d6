"""What a refresh costs, by what has changed and by how it is done, and whether it ends where a rebuild does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.changes import last_batch, move, reprice
from benchmarks.measure import Cost, cost, of_turns
from benchmarks.progress import say
from benchmarks.variants import SNAPSHOTS, DeleteInsert, JoinOnce, Merge, Ours, Truncate, Variant, content

# The share of held moments that change hands, and of editions that get another price.
CASES = {
    "unchanged": (0.0, 0.0),
    "moved_0.01pct": (0.0001, 0.0),
    "moved_0.1pct": (0.001, 0.0),
    "moved_1pct": (0.01, 0.0),
    "moved_10pct": (0.1, 0.0),
    "repriced_1pct": (0.0, 0.01),
    "repriced_10pct": (0.0, 0.1),
    "repriced_30pct": (0.0, 0.3),
    "repriced_100pct": (0.0, 1.0),
}
# A rebuild costs the same in each case, so one case is enough.
REBUILT_IN = "moved_1pct"
# dbt's incremental strategies compute touched wallets in full: a case that touches most, and one that does not.
INCREMENTAL_IN = (REBUILT_IN, "repriced_1pct")
# Ours takes tens of seconds at full scale.
EXPENSIVE = ("moved_10pct", "repriced_30pct", "repriced_100pct")
# Ours is measured without a checkpoint right before, too.
CALM = ("moved_0.1pct", REBUILT_IN)

Figures = dict[str, dict[str, dict[str, Any]]]
Content = tuple[int, int]


def compare(variants: Sequence[Variant], cases: Sequence[str], turns: int, keep: Callable[[Figures], None]) -> None:
    """All ways where rebuilds are measured, then ours in each case, in several turns where it is quick, then rebuilds.

    At full scale this takes most of the time that there is, so a rebuild does not follow each case: the next one judges
    all turns since the last.
    """
    comparison = Comparison(variants, cases, keep)
    for case in filter(cases.__contains__, INCREMENTAL_IN):
        rebuilt = (Variant,) if case == REBUILT_IN else ()
        comparison.turn(case, JoinOnce, Merge, DeleteInsert, Ours, *rebuilt)
    for number in range(turns):
        for case in cases:
            if case not in INCREMENTAL_IN if number == 0 else case not in (*EXPENSIVE, REBUILT_IN):
                comparison.turn(case, Ours)
        for case in filter(cases.__contains__, CALM):
            comparison.turn(case, Ours, checkpoint=False)
    for _ in range(turns - 1):
        comparison.turn(REBUILT_IN, JoinOnce, Truncate, Ours)


class Comparison:
    """What was measured so far."""

    def __init__(self, variants: Sequence[Variant], cases: Sequence[str], keep: Callable[[Figures], None]) -> None:
        self._variants, self._keep = variants, keep
        self._connection = variants[0].connection
        self._costs: dict[str, dict[str, list[Cost]]] = {case: {} for case in cases}
        self._calm: dict[str, list[Cost]] = {}
        self._equal: dict[tuple[str, str], bool] = {}
        # The cases of ours since the last rebuild.
        self._open: set[str] = set()

    def turn(self, case: str, *kinds: type[Variant], checkpoint: bool = True) -> None:
        """Change what the case says, let variants follow, and compare them if there is a rebuild among them."""
        chosen = [variant for variant in self._variants if isinstance(variant, kinds)]
        for variant in chosen:
            if not variant.rebuilds:  # it judges what is done in this turn alone
                variant.prepare()
        since = last_batch(self._connection)
        moved, repriced = CASES[case]
        move(self._connection, moved)
        reprice(self._connection, repriced)
        for variant in chosen:
            say(f"refresh, {case}{'' if checkpoint else ' without a checkpoint'}: {variant.title}")
            spent = cost(self._connection, partial(variant.refresh, since), variant.schema, checkpoint=checkpoint)
            turns = self._costs[case].setdefault(variant.name, []) if checkpoint else self._calm.setdefault(case, [])
            turns.append(spent)
        self._open.add(case)
        if JoinOnce in kinds:
            self._judge(case, chosen)
            self._keep(self._figures())

    def _judge(self, case: str, variants: Sequence[Variant]) -> None:
        found = {v.name: [content(self._connection, v.schema, table) for table in SNAPSHOTS] for v in variants}
        for name, contents in found.items():
            for each in self._open if name == Ours.name else (case,):
                right = is_equal(contents, found[JoinOnce.name])
                self._equal[each, name] = right and self._equal.get((each, name), True)
        self._open.clear()

    def _figures(self) -> Figures:
        figures = {
            case: {name: of_turns(turns) | {"equal": self._equal[case, name]} for name, turns in ways.items()}
            for case, ways in self._costs.items()
            if ways
        }
        for case, turns in self._calm.items():
            figures[case][Ours.name]["without_checkpoint"] = of_turns(turns)
        return figures


def is_equal(found: list[Content], rebuilt: list[Content]) -> bool:
    """Whether the snapshots are those of the rebuild. Without rows they show nothing."""
    return found == rebuilt and all(rows for rows, _ in rebuilt)
