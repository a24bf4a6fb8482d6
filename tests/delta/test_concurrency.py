"""dbt commands that meet: whichever waits or fails, one ordinary run later every table equals a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.delta.conftest import Workshop
from tests.delta.market import Market
from tests.delta.project import CHANGELOGS, SNAPSHOTS
from tests.delta.scene import Scene, scene_of
from tests.roles import add_schema
from tests.tiers import first_of

pytestmark = pytest.mark.database

READERS = {
    "int_wallet_editions": ("int_wallet_facts", "editions_snapshot"),
    "int_editions": ("int_wallet_facts", "editions_snapshot"),
    "int_wallet_facts": tuple(name for name in SNAPSHOTS if "wallet" in name),
}


@pytest.fixture
def scene(workshop: Workshop, opened: Market, tmp_path: Path) -> Iterator[Scene]:
    with scene_of(workshop, opened, tmp_path) as scene:
        yield scene


def test_a_full_refresh_beside_a_run_counts_changes_once(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.lock("excluded_wallets")
    full = scene.start("full", "top_wallets_snapshot", full_refresh=True)
    assert full.waits(scene.connection)
    ordinary = scene.start("ordinary", "top_wallets_snapshot")
    ordinary.waits(scene.connection)
    scene.finish(full, ordinary)
    scene.assert_equal_after_a_run()


@pytest.mark.parametrize("changelog", first_of(READERS))
def test_a_reader_that_begins_while_its_changelog_is_rebuilt_counts_it_once(scene: Scene, changelog: str) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.hold("delta.watermarks", "full")
    full = scene.start("full", changelog, full_refresh=True)
    assert full.waits(scene.connection)
    reading = scene.start("reading", *READERS[changelog])
    reading.waits(scene.connection)
    scene.finish(full, reading)
    scene.assert_equal_after_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("changelog", READERS)
def test_a_changelog_that_is_rebuilt_while_it_is_read_counts_once(scene: Scene, changelog: str) -> None:
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.hold("delta.watermarks", "reading")
    reading = scene.start("reading", *READERS[changelog])
    assert reading.waits(scene.connection)
    full = scene.start("full", changelog, full_refresh=True)
    full.waits(scene.connection)
    scene.finish(full, reading)
    scene.assert_equal_after_a_run()


@pytest.mark.parametrize("full_refresh", [False, True])
@pytest.mark.parametrize("written", first_of(["delta.watermarks", "top_wallets_snapshot"]))
def test_the_older_of_two_rebuilds_does_not_win(scene: Scene, written: str, full_refresh: bool) -> None:
    scene.trade()
    scene.connection.execute("delete from delta.watermarks where reader = 'top_wallets_snapshot'::regclass")
    scene.hold(written, "older")
    older = scene.start("older", "top_wallets_snapshot", full_refresh=full_refresh)
    older.waits(scene.connection)
    newer = scene.start("newer", "intermediate", "top_wallets_snapshot", full_refresh=full_refresh)
    newer.waits(scene.connection)
    scene.finish(older, newer)
    scene.assert_equal_after_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("written", CHANGELOGS)
def test_two_full_refreshes_of_everything_end(scene: Scene, written: str) -> None:
    scene.trade()
    scene.hold(written, "first")
    scene.connection.execute("delete from delta.watermarks")
    commands = [scene.start("first"), scene.start("second", full_refresh=True), scene.start("third", full_refresh=True)]
    for command in commands:
        command.waits(scene.connection)
    scene.finish(*commands)
    scene.assert_equal_after_a_run()


@pytest.mark.slow
def test_two_first_builds_at_once_end(scene: Scene) -> None:
    tables = ", ".join((*CHANGELOGS, *SNAPSHOTS[:-1]))
    scene.connection.execute(f"drop table {tables} cascade")
    scene.hold("delta.watermarks", "first")
    first = scene.start("first")
    assert first.waits(scene.connection)
    second = scene.start("second")
    second.waits(scene.connection)
    scene.finish(first, second)
    scene.assert_equal_after_a_run()


def test_a_compaction_that_waited_for_a_rebuild_ends_well(scene: Scene) -> None:
    assert scene.project.run(compact_share=0).ok
    scene.trade(("rename", "0xb", "Bea"))  # which only one changelog has
    assert scene.project.run().ok
    scene.connection.execute("delete from delta.watermarks where reader = 'int_wallet_facts'::regclass")
    scene.hold("delta.watermarks", "rebuild")
    rebuild = scene.start("rebuild", "int_wallet_facts")
    assert rebuild.waits(scene.connection)
    compaction = scene.start("compaction", "explorer_filters_snapshot", compact_share=0)
    compaction.waits(scene.connection)
    scene.finish(rebuild, compaction)
    assert compaction.errors == rebuild.errors == []
    scene.assert_equal_after_a_run()


def test_a_run_that_began_beside_a_compaction_reads_all(scene: Scene) -> None:
    scene.trade()
    assert scene.project.run().ok
    scene.trade(("price", "ED1", 1, 2), ("transfer", 1, "0xa"))
    assert scene.project.run("int_editions").ok
    scene.hold("int_wallet_editions", "compaction")
    compaction = scene.start("compaction", "explorer_filters_snapshot", compact_share=0)
    assert compaction.waits(scene.connection)
    reading = scene.start("reading")
    reading.waits(scene.connection)
    scene.finish(compaction, reading)
    scene.assert_equal_after_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_load_that_begins_during_a_run_waits_for_it(scene: Scene, full_refresh: bool) -> None:
    scene.trade()
    scene.lock("excluded_wallets")
    run = scene.start("run", full_refresh=full_refresh)
    assert run.waits(scene.connection)
    load = scene.start_load("load", ("transfer", 1, "0xb"), ("price", "ED2", 4, 4))
    assert load.waits(scene.connection)
    scene.finish(run, load)
    assert run.errors == load.errors == []
    scene.assert_equal_after_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("full_refresh", [False, True])
@pytest.mark.parametrize("model", ["int_wallet_editions", "top_wallets_snapshot"])
def test_a_process_killed_before_it_commits_has_written_nothing(scene: Scene, model: str, full_refresh: bool) -> None:
    scene.trade()
    scene.hold("delta.watermarks", "killed")
    killed = scene.start("killed", model, full_refresh=full_refresh)
    assert killed.waits(scene.connection)
    killed.kill()
    scene.finish(killed)
    scene.assert_equal_after_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["int_wallet_facts", "top_wallets_snapshot"])
def test_after_a_run_of_one_model_the_others_catch_up(scene: Scene, model: str) -> None:
    scene.trade()
    assert scene.project.run(f"+{model}").ok
    assert scene.assert_equal_after_a_run().rebuilt == {}


@pytest.mark.slow
@pytest.mark.parametrize("known", [False, True])
def test_a_developer_builds_while_production_is_made_anew(scene: Scene, tmp_path: Path, known: bool) -> None:
    add_schema(scene.project.url, "ci_x")
    developer = replace(scene.project, folder=tmp_path, schema="ci_x", manifest=None)
    developer.parse()
    built = ("top_wallets_snapshot", "wallet_summary_snapshot")
    if known:
        assert developer.run(*built, defer_to=scene.project).ok
    scene.trade()
    assert scene.project.run("intermediate").ok
    scene.hold("delta.watermarks", "full")
    full = scene.start("full", "int_wallet_facts+", full_refresh=True)
    assert full.waits(scene.connection)
    deferred = scene.workers.work("developer", developer, lambda own: own.run(*built, defer_to=scene.project))
    deferred.waits(scene.connection)
    scene.finish(full, deferred)
    scene.assert_equal_after_a_run()
    assert developer.run(*built, defer_to=scene.project).ok
    scene.assert_equal("ci_x", built)


@pytest.mark.slow
def test_a_full_build_as_at_a_deployment_beside_a_run(scene: Scene) -> None:
    scene.trade()
    scene.lock("excluded_wallets")
    build = scene.workers.work("build", scene.project, lambda own: own.run(command="build", full_refresh=True))
    assert build.waits(scene.connection)
    run = scene.start("run")
    run.waits(scene.connection)
    scene.finish(build, run)
    scene.assert_system_wallets_are_left_out()
    scene.assert_equal_after_a_run()
