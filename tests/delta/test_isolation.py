"""dbt commands that meet on a database whose transactions keep the snapshot of their first statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.project import Project, Run
from tests.delta.scene import Scene, scene_of

pytestmark = [pytest.mark.database, pytest.mark.slow]

KEEPING = ("repeatable read", "serializable")
keeping = pytest.mark.parametrize("scene", KEEPING, indirect=True)
any_isolation = pytest.mark.parametrize("scene", ["read committed", *KEEPING], indirect=True)


@pytest.fixture
def scene(request: pytest.FixtureRequest, workshop: Workshop, opened: Market, tmp_path: Path) -> Iterator[Scene]:
    with scene_of(workshop, opened, tmp_path) as scene:
        scene.isolate(request.param)
        yield scene


def seed(own: Project) -> Run:
    own.seed()
    return Run({}, {}, {})


@keeping
def test_two_runs_that_wait_for_each_other_and_a_load(scene: Scene) -> None:
    scene.trade()
    with scene.loading(("transfer", 1, "0xa"), ("price", "ED1", 1, 2), ("rename", "0xa", "Al")):
        one, other = scene.start("one", compact_share=0), scene.start("other", compact_share=0)
        assert one.waits(scene.connection)
        other.waits(scene.connection)
    scene.finish(one, other)
    scene.assert_equal_after_a_run()


@any_isolation
def test_a_full_refresh_beside_a_run(scene: Scene) -> None:
    scene.trade()
    scene.hold("delta.watermarks", "full")
    full = scene.start("full", full_refresh=True)
    assert full.waits(scene.connection)
    ordinary = scene.start("ordinary")
    ordinary.waits(scene.connection)
    scene.finish(full, ordinary)
    scene.assert_equal_after_a_run()


@keeping
def test_a_reader_that_waited_for_a_compaction_reads_the_log(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run().ok
    scene.trade(("price", "ED1", 1, 2), ("rename", "0xa", "Al"))
    assert scene.project.run("int_editions").ok
    scene.hold("int_wallet_editions", "compaction")
    compaction = scene.start("compaction", "explorer_filters_snapshot", compact_share=0)
    assert compaction.waits(scene.connection)
    reading = scene.start("reading", "int_wallet_facts")
    reading.waits(scene.connection)
    scene.finish(compaction, reading)
    scene.assert_equal_after_a_run()


@keeping
def test_a_reader_that_waited_for_a_rebuild_reads_the_log(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.connection.execute("delete from delta.watermarks where reader = 'int_wallet_editions'::regclass")
    scene.hold("delta.watermarks", "rebuild")
    rebuild = scene.start("rebuild", "int_wallet_editions")
    assert rebuild.waits(scene.connection)
    reading = scene.start("reading", "int_wallet_facts", "editions_snapshot")
    reading.waits(scene.connection)
    scene.finish(rebuild, reading)
    scene.assert_equal_after_a_run()


@keeping
def test_two_compactions_leave_the_log(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run().ok
    scene.hold("int_wallet_editions", "first")
    first = scene.start("first", "explorer_filters_snapshot", compact_share=0)
    assert first.waits(scene.connection)
    second = scene.start("second", "explorer_filters_snapshot", compact_share=0)
    second.waits(scene.connection)
    scene.finish(first, second)
    scene.assert_equal_after_a_run()
    scene.connection.execute("delete from delta.watermarks where reader = 'editions_snapshot'::regclass")
    scene.assert_equal_after_a_run()


@any_isolation
@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_run_that_waits_for_the_seed_sees_it_filled(scene: Scene, full_refresh: bool) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.hold("excluded_wallets", "seed")
    seeding = scene.workers.work("seed", scene.project, seed)
    assert seeding.waits(scene.connection)
    run = scene.start("run", "marts", full_refresh=full_refresh)
    run.waits(scene.connection)
    scene.finish(seeding, run)
    scene.assert_system_wallets_are_left_out()
    scene.assert_equal_after_a_run()


@any_isolation
def test_a_run_that_began_before_the_seed_sees_it_filled(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    with scene.loading(("transfer", 1, "0xa")):
        run = scene.start("run", "top_wallets_snapshot", "top_wallets_by_value_snapshot")
        assert run.waits(scene.connection)
        seeding = scene.workers.work("seed", scene.project, seed)
        seeding.waits(scene.connection)
    scene.finish(run, seeding)
    scene.assert_system_wallets_are_left_out()
    scene.assert_equal_after_a_run()
