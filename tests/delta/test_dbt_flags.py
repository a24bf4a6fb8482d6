"""dbt's own flags and commands, on models that add up what changed: they work, or say why not and change nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.oracle import assert_equal
from tests.delta.project import MODELS, SNAPSHOTS, Connection, Project
from tests.delta.scene import CHANGES
from tests.roles import add_schema

pytestmark = pytest.mark.database

PARTS: dict[str, tuple[str, ...]] = {
    "empty": ("--empty",),
    "empty, in full": ("--empty", "--full-refresh"),
    "sample": ("--sample", "3 days"),
}
WITHOUT_VIEWS = tuple(name for name in SNAPSHOTS if name != "explorer_filters_snapshot")
STATE = """
select
    (select json_agg(watermarks order by reader, log)::text from delta.watermarks) as watermarks,
    (select json_agg((viewname, definition) order by viewname)::text from pg_views where schemaname = 'public') as views
"""


def trade(connection: Connection, opened: Market) -> None:
    market = deepcopy(opened)
    market.happen(CHANGES)
    market.load_all(connection)


def state(connection: Connection) -> Any:
    return connection.execute(STATE).fetchone()


def watermarks(connection: Connection, schema: str) -> int:
    query = "select count(*) from delta.watermarks where reader_name like %s"
    return int((connection.execute(query, [f"{schema}.%"]).fetchone() or (-1,))[0])


def developer_of(production: Project, folder: Path, schema: str) -> Project:
    """Somebody else's schema, beside production in the same database."""
    add_schema(production.url, schema)
    developer = Project(production.url, folder, schema=schema)
    developer.parse()
    developer.seed()
    return developer


def test_a_part_replaces_nothing(workshop: Workshop, opened: Market) -> None:
    project = workshop.renew("traded")
    with psycopg.connect(project.url, autocommit=True) as connection:
        trade(connection, opened)
        before = state(connection)
        for flags in PARTS.values():
            for models in (("staging", *WITHOUT_VIEWS), ("int_editions",), ("stg_wallet_holdings",)):
                with pytest.raises(Exception, match=f"{flags[0]} would replace what is in .*leave out {flags[0]}"):
                    project.run(*models, flags=flags)
            with pytest.raises(Exception, match="explorer_filters_snapshot would read a part in later runs too"):
                project.run("explorer_filters_snapshot", flags=flags)
        assert state(connection) == before
        assert project.run().ok
        assert_equal(connection)


def test_empty_models_in_a_new_schema_are_filled_by_the_next_run(
    workshop: Workshop, opened: Market, tmp_path: Path
) -> None:
    assert opened
    production = workshop.renew("traded")
    developer = developer_of(production, tmp_path, "draft")
    with psycopg.connect(production.url, autocommit=True) as connection:
        empty = developer.run("staging", "intermediate", *WITHOUT_VIEWS, flags=["--empty"])
        assert not empty.failed, empty.errors
        assert connection.execute("select count(*) from draft.wallet_summary_snapshot").fetchone() == (0,)
        assert watermarks(connection, "draft") == 0
        assert developer.run("staging", "intermediate", "marts").ok
        assert_equal(connection, "draft")


def test_clones_read_production_until_they_are_built(workshop: Workshop, opened: Market, tmp_path: Path) -> None:
    production = workshop.renew("traded")
    developer = developer_of(production, tmp_path, "cloned")
    with psycopg.connect(production.url, autocommit=True) as connection:
        cloned = developer.run("staging", *MODELS, defer_to=production, command="clone")
        assert not cloned.failed, cloned.errors
        assert_equal(connection, "cloned", WITHOUT_VIEWS)
        assert watermarks(connection, "cloned") == 0
        trade(connection, opened)
        assert developer.run("staging", *MODELS).ok
        assert_equal(connection, "cloned")


@pytest.mark.parametrize("full_refresh", [False, True])
def test_eight_threads(workshop: Workshop, opened: Market, full_refresh: bool) -> None:
    project = workshop.renew("traded")
    with psycopg.connect(project.url, autocommit=True) as connection:
        trade(connection, opened)
        assert project.run(full_refresh=full_refresh, flags=["--threads", "8", "--fail-fast"]).ok
        assert_equal(connection)
