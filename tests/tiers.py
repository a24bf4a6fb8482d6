"""Which tests `make test` runs, and which are left to `make test-slow`."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def first_of(cases: Iterable[object]) -> list[object]:
    """Parameters for a test: the first runs with the fast tests, the others with the slow ones."""
    first, *others = cases
    return [first, *(pytest.param(case, marks=pytest.mark.slow) for case in others)]
