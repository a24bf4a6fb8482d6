"""A check that has nothing to check fails."""

from __future__ import annotations

import pytest
from dbt_common.exceptions import CompilationError

from benchmarks.refresh import is_equal
from tests.delta.conftest import Workshop
from tests.delta.oracle import assert_equal
from tests.delta.project import Connection

pytestmark = pytest.mark.database


@pytest.mark.parametrize("command", ["run", "build", "test"])
@pytest.mark.parametrize("selected", [("no_such_model",), ("editions_snapshot", "tag:no_such_tag")])
def test_a_selection_that_matches_nothing(workshop: Workshop, command: str, selected: tuple[str, ...]) -> None:
    with pytest.raises(CompilationError, match=f"'{selected[-1]}' does not match any enabled nodes"):
        workshop.project.run(*selected, command=command)


def test_a_collection_without_wallets(workshop: Workshop) -> None:
    project = workshop.renew()
    assert project.run().ok
    assert project.run("test_type:singular", command="test").failed == ["there_are_wallets_to_check"]


def test_a_comparison_with_a_rebuild_of_nothing(workshop: Workshop) -> None:
    project = workshop.renew()
    assert project.run().ok
    connection = Connection.connect(project.url)
    with connection, pytest.raises(AssertionError, match="no rows to compare"):
        assert_equal(connection)


def test_the_benchmark_of_an_empty_table() -> None:
    assert is_equal([(2, 7)], [(2, 7)])
    assert not is_equal([(2, 7)], [(2, 8)])
    assert not is_equal([(2, 7), (0, 0)], [(2, 7), (0, 0)])
