"""A cluster whose files are put back as they were: the copy keeps what it has seen, and equals Postgres."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from python_runner.analytics.query import query
from python_runner.analytics.sync import sync, verify
from python_runner.demo import embedded
from tests import roles
from tests.analytics.test_commands import settings_of
from tests.delta.market import EDITIONS, MOMENTS, Change, Market
from tests.delta.project import Project

FACTS = "select wallet_address, sum(moments), sum(floor_cents) from int_wallet_facts group by all order by all"


@pytest.mark.slow
def test_steps_that_have_the_numbers_of_others(tmp_path: Path) -> None:
    """The log has the same relation, the same steps and the same first step as before, but other rows."""
    cluster, saved, market = tmp_path / "cluster", tmp_path / "saved", Market()
    (tmp_path / "dbt").mkdir()
    try:
        server = embedded.start(cluster)
        roles.create_roles(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("create database restored")
        url = make_conninfo(server.url, dbname="restored")
        roles.prepare(url)
        project, settings = Project(url, tmp_path / "dbt"), settings_of(url, tmp_path / "copy")
        project.prepare()

        def load(*changes: Change, whole: bool = False) -> None:
            market.happen(changes)
            with psycopg.connect(url, autocommit=True) as connection:
                market.load_all(connection, whole=whole)
            assert project.run("intermediate").ok

        load(*(("mint", moment, "0xa", EDITIONS[0]) for moment in MOMENTS), whole=True)
        assert sync(settings).refresh == 1
        embedded.stop(cluster)
        copy_files(server.data, saved)
        embedded.start(cluster)
        load(("transfer", MOMENTS[0], "0xb"))
        assert sync(settings).refresh == 2
        seen = {refresh: query(settings, FACTS, upto=refresh).rows for refresh in (1, 2)}

        embedded.stop(cluster)
        shutil.rmtree(server.data)
        copy_files(saved, server.data)
        embedded.start(cluster)
        market.happen([("transfer", MOMENTS[0], "0xa")])
        load(("transfer", MOMENTS[1], "0xc"))
        done = sync(settings)
        assert (done.refresh, set(done.compared.values())) == (3, {"the server was restarted or the database restored"})
        assert not any(verify(settings).rows.values())
        assert {refresh: query(settings, FACTS, upto=refresh).rows for refresh in (1, 2)} == seen
        assert query(settings, FACTS).rows not in seen.values()
    finally:
        embedded.stop(cluster, remove=True)


def copy_files(source: Path, target: Path) -> None:
    """With their owners."""
    subprocess.run(["cp", "-a", source, target], check=True)
