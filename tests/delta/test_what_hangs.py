"""What others hang on a mart: a full refresh keeps it, or stops and names it, and a published mart takes increments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.delta.conftest import Trade
from tests.delta.oracle import assert_equal
from tests.delta.project import Connection, Project

pytestmark = pytest.mark.database

MART = "wallet_summary_snapshot"


@pytest.fixture
def analyst(connection: Connection) -> Iterator[str]:
    """A role that has a view on a mart, in a schema that is closed to the builder."""
    name = f"analyst_{connection.info.dbname}"
    connection.execute(
        f"""
        create role {name}; create schema analysis authorization {name}; grant select on {MART} to {name};
        set role {name};
        create view analysis.big as select wallet_address, moments_total from public.{MART} where moments_total > 1;
        reset role
        """
    )
    yield name
    connection.execute(f"reassign owned by {name} to current_user; drop owned by {name}; drop role {name}")


def oid_of(connection: Connection, relation: str) -> object:
    return connection.execute("select %s::regclass::oid", (relation,)).fetchone()


def test_a_full_refresh_keeps_the_view_of_another_role(
    project: Project, connection: Connection, trade: Trade, analyst: str
) -> None:
    oids = [oid_of(connection, name) for name in (MART, "analysis.big", "explorer_filters_snapshot")]
    trade(("transfer", 1, "0xa"), ("transfer", 2, "0xa"), ("transfer", 3, "0xa"))
    run = project.run(full_refresh=True)
    assert run.ok, run.errors
    assert [oid_of(connection, name) for name in (MART, "analysis.big", "explorer_filters_snapshot")] == oids
    shown = connection.execute("table analysis.big").fetchall()
    assert (
        shown
        == connection.execute(f"select wallet_address, moments_total from {MART} where moments_total > 1").fetchall()
    )
    # Of another shape it would be swapped, but the view cannot be moved.
    before = connection.execute(f"select * from {MART} order by 1").fetchall()
    connection.execute(f"alter table {MART} rename updated_at to changed_at")
    run = project.run(MART, full_refresh=True)
    assert f"view analysis.big of {analyst}" in run.errors[MART]
    assert f"grant {analyst}" in run.errors[MART]
    assert connection.execute(f"select * from {MART} order by 1").fetchall() == before
    connection.execute("drop view analysis.big")
    assert project.run(MART, full_refresh=True).ok
    assert oid_of(connection, MART) != oids[0]


@pytest.mark.parametrize("kind", ["all tables", "tables in schema public, raw"])
def test_what_is_published_takes_increments(project: Project, connection: Connection, trade: Trade, kind: str) -> None:
    connection.execute("alter table int_editions replica identity default")  # as an earlier version left it
    connection.execute(f"create publication everything for {kind}")
    trade(("transfer", 1, "0xc"), ("price", "ED1", 9, 9), ("rename", "0xb", "Bea"))
    run = project.run()
    assert run.ok, run.errors
    connection.execute(f"alter table {MART} add column mine integer")
    assert project.run(full_refresh=True).ok
    trade(("transfer", 2, "0xc"))
    assert project.run().ok
    assert_equal(connection, "public")
