"""What the same number of changes costs on collections of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.changes import last_batch, move
from benchmarks.measure import cost
from benchmarks.progress import say
from benchmarks.variants import JoinOnce, Ours, Variant

CHANGES = 10_000
CALM = "ours_without_checkpoint"
GROWN = (JoinOnce, Ours)


def measured(variants: Sequence[Variant], held: int, turns: int, rebuilt: Sequence[float] = ()) -> dict[str, Any]:
    """The median seconds of some refreshes, each after so many moments have moved, by variant; `turns` has all seconds.

    Ours is measured after a checkpoint and without one, in turns. A rebuild takes long, and the same each time: it has
    one turn, or none if the seconds of some that were `rebuilt` are known.
    """
    seconds: dict[str, list[float]] = {JoinOnce.name: list(rebuilt)} if rebuilt else {}
    for variant in variants:
        if variant.name in seconds:
            continue
        for number in range(turns if isinstance(variant, Ours) else 1):
            if isinstance(variant, GROWN):
                say(f"growth, {held:,} held moments: {variant.name}, turn {number + 1}")
                seconds.setdefault(variant.name, []).append(_seconds(variant, held))
            if isinstance(variant, Ours):
                seconds.setdefault(CALM, []).append(_seconds(variant, held, checkpoint=False))
    return {name: median(taken) for name, taken in seconds.items()} | {"turns": seconds}


def _seconds(variant: Variant, held: int, *, checkpoint: bool = True) -> float:
    since = last_batch(variant.connection)
    move(variant.connection, CHANGES / held)
    refresh = partial(variant.refresh, since)
    return cost(variant.connection, refresh, variant.schema, checkpoint=checkpoint).seconds
