"""What a refresh costs, by what has changed and by how it is done, and whether it ends where a rebuild does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.changes import last_batch, move, reprice
from benchmarks.measure import cost
from benchmarks.variants import SNAPSHOTS, Truncate, Variant, content

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
# A rebuild costs the same in each case, so one case is enough. TRUNCATE + INSERT runs in all, as the expected result.
REBUILT_IN = "moved_1pct"

Figures = dict[str, dict[str, dict[str, Any]]]
Content = tuple[int, int]


def compare(variants: Sequence[Variant], cases: Sequence[str], keep: Callable[[Figures], None]) -> None:
    """Run the cases, and keep the figures after each: by case, by variant."""
    figures: Figures = {}
    connection = variants[0].connection
    for case in cases:
        moved, repriced = CASES[case]
        since = last_batch(connection)
        move(connection, moved)
        reprice(connection, repriced)
        chosen = [v for v in variants if not v.rebuilds or isinstance(v, Truncate) or case == REBUILT_IN]
        spent = {v.name: asdict(cost(connection, partial(v.refresh, since), v.schema)) for v in chosen}
        found = {v.name: [content(connection, v.schema, table) for table in SNAPSHOTS] for v in chosen}
        figures[case] = {
            name: row | {"equal": is_equal(found[name], found[Truncate.name])} for name, row in spent.items()
        }
        keep(figures)
        for variant in chosen:  # a later case judges what is done in it alone
            if not figures[case][variant.name]["equal"]:
                variant.prepare()


def is_equal(found: list[Content], rebuilt: list[Content]) -> bool:
    """Whether the snapshots are those of the rebuild. Without rows they show nothing."""
    return found == rebuilt and all(rows for rows, _ in rebuilt)
