"""What the same number of changes costs on collections of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median

from benchmarks.changes import last_batch, move
from benchmarks.measure import cost
from benchmarks.variants import Ours, Truncate, Variant

CHANGES = 10_000
# A rebuild takes long, and the same each time.
TURNS = {Truncate.name: 1, Ours.name: 3}


def measured(variants: Sequence[Variant], held: int) -> dict[str, float]:
    """The median seconds of some refreshes, each after so many moments have moved; by variant."""
    return {v.name: median(_seconds(v, held) for _ in range(TURNS[v.name])) for v in variants if v.name in TURNS}


def _seconds(variant: Variant, held: int) -> float:
    since = last_batch(variant.connection)
    move(variant.connection, CHANGES / held)
    return cost(variant.connection, partial(variant.refresh, since), variant.schema).seconds
