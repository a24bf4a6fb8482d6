"""What others hang on a mart: a full refresh keeps it, or stops and names it, and a published mart takes increments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg.conninfo import make_conninfo

from tests.delta.conftest import Trade
from tests.delta.oracle import assert_equal
from tests.delta.project import Connection, Project

pytestmark = pytest.mark.database

MART = "wallet_summary_snapshot"


@pytest.fixture
def builder(project: Project, connection: Connection) -> Iterator[Project]:
    """The project of a role that is no superuser; an analyst has a view in a schema that is closed to it."""
    name, analyst = f"builder_{connection.info.dbname}", f"analyst_{connection.info.dbname}"
    connection.execute(
        f"""
        create role {name} login; create role {analyst};
        alter database {connection.info.dbname} owner to {name};
        do $$ declare one record; begin
            for one in
                select relnamespace::regnamespace as schema, relname, relkind from pg_class
                where relnamespace::regnamespace::text in ('public', 'raw', 'delta') and relkind in ('r', 'v', 'm')
            loop
                execute format('alter table %s.%I owner to {name}', one.schema, one.relname);
            end loop;
        end $$;
        alter schema raw owner to {name}; alter schema delta owner to {name};
        create schema analysis authorization {analyst};
        grant select on {MART} to {analyst};
        set role {analyst};
        create view analysis.big as select wallet_address, moments_total from public.{MART} where moments_total > 1;
        reset role
        """
    )
    yield replace(project, url=make_conninfo(project.url, user=name))
    both = f"{name}, {analyst}"
    connection.execute(f"reassign owned by {both} to current_user; drop owned by {both}; drop role {both}")


def oid_of(connection: Connection, relation: str) -> object:
    return connection.execute("select %s::regclass::oid", (relation,)).fetchone()


def test_a_full_refresh_keeps_the_view_of_another_role(builder: Project, connection: Connection, trade: Trade) -> None:
    oids = [oid_of(connection, name) for name in (MART, "analysis.big", "explorer_filters_snapshot")]
    trade(("transfer", 1, "0xa"), ("transfer", 2, "0xa"), ("transfer", 3, "0xa"))
    run = builder.run(full_refresh=True)
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
    run = builder.run(MART, full_refresh=True)
    assert "view analysis.big of analyst_" in run.errors[MART]
    assert "grant analyst_" in run.errors[MART]
    assert connection.execute(f"select * from {MART} order by 1").fetchall() == before
    connection.execute("drop view analysis.big")
    assert builder.run(MART, full_refresh=True).ok
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
