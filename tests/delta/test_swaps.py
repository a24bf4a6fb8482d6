"""A table that is swapped or converted while other commands run: its readers and writers go on with the new one."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import psycopg
import pytest

from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.oracle import differences
from tests.delta.project import Connection, Project, Run, copy_project
from tests.delta.scene import Scene, scene_of
from tests.delta.test_concurrency import READERS
from tests.delta.workers import holding, workers

pytestmark = [pytest.mark.database, pytest.mark.slow]

# Stops the conversion before its renames, with the table locked and copied.
STOP_BEFORE_RENAME = """
create function raw.stop() returns event_trigger language plpgsql as $$
begin
    if current_setting('application_name') = 'converting' and current_query() like '%rename to%' then
        perform pg_advisory_xact_lock_shared(hashtext('hold'));
    end if;
end $$;
create event trigger stop on ddl_command_start when tag in ('ALTER TABLE') execute function raw.stop()
"""
# The second reads its own table before it writes to it.
CONVERTED = {"marts/wallet_summary_snapshot": "wallet_address", "intermediate/int_editions": "edition_id"}


@pytest.fixture
def scene(workshop: Workshop, opened: Market, tmp_path: Path) -> Iterator[Scene]:
    with scene_of(workshop, opened, tmp_path) as scene:
        yield scene


def oid(connection: Connection, table: str) -> object:
    return connection.execute("select %s::regclass::oid", (table,)).fetchone()


@pytest.mark.parametrize("model", [*READERS, "top_wallets_snapshot"])
def test_a_table_of_another_shape_is_swapped_beside_a_run(scene: Scene, model: str) -> None:
    scene.trade()
    scene.connection.execute(f"alter table {model} add column mine integer")
    before = oid(scene.connection, model)
    scene.hold("delta.watermarks", "full")  # after its renames
    full = scene.start("full", model, full_refresh=True)
    assert full.waits(scene.connection)
    running = scene.start("running", *READERS.get(model, (model,)))
    assert running.waits(scene.connection)
    scene.finish(full, running)
    assert full.run
    assert full.run.ok
    assert oid(scene.connection, model) != before
    scene.assert_equal_after_a_run()


@pytest.mark.parametrize("path", CONVERTED)
def test_a_run_waits_for_a_table_that_is_converted(
    database_url: str, tmp_path: Path, opened: Market, path: str
) -> None:
    project = Project(database_url, tmp_path, home=copy_project(tmp_path / "project"))
    model, table = project.home / f"models/{path}.sql", path.split("/")[1]
    partition_by = f"'partition_by': {{'hash': '{CONVERTED[path]}', 'partitions': 3}},\n"
    project.prepare()

    def convert(own: Project) -> Run:
        own.operate("partition_table", table=table)
        return Run({}, {}, {})

    with (
        psycopg.connect(project.url, autocommit=True) as connection,
        psycopg.connect(project.url) as holder,
        workers(tmp_path / "workers") as started,
    ):
        opened.load_all(connection, whole=True)
        assert project.run().ok
        opened = deepcopy(opened)
        opened.happen([("price", "ED1", 9, 9), ("transfer", 1, "0xc")])
        opened.load_all(connection)
        model.write_text(model.read_text().replace("    meta={\n", "    meta={\n        " + partition_by))
        project.parse()
        connection.execute(STOP_BEFORE_RENAME)
        holding(holder)
        converting = started.work("converting", project, convert)
        assert converting.waits(connection)
        running = started.start("running", project, table)
        assert running.waits(connection)
        holder.commit()
        assert not converting.join(connection).error
        assert running.join(connection).run
        assert project.run().rebuilt == {}
        assert not any(differences(connection).values())
