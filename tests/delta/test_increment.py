"""What an increment writes and what it leaves alone, and how it goes on after whatever came in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from tests.delta.breaking import Moment, broken
from tests.delta.conftest import Trade
from tests.delta.market import HOLDINGS, METADATA, MOMENTS, PRICES, SOURCES
from tests.delta.oracle import REBUILT, TIMES, assert_equal, compared_columns, differences
from tests.delta.project import CHANGELOGS, MODELS, SNAPSHOTS, Connection, Project
from tests.roles import add_schema

pytestmark = pytest.mark.database


def watermarks(connection: Connection, schema: str = "public") -> list[Any]:
    return connection.execute(
        """
        select reader::regclass::text, log::regclass::text, "position" from delta.watermarks
        join pg_class on pg_class.oid = reader where relnamespace = %s::regnamespace order by 1, 2
        """,
        (schema,),
    ).fetchall()


def logged(connection: Connection) -> dict[str, int]:
    counts = {s: connection.execute(f"select count(*) from raw.{s}_changes").fetchone() for s in SOURCES}
    return {source: count[0] for source, count in counts.items() if count}


def versions(connection: Connection) -> dict[str, list[Any]]:
    """Where each row of every model is, and which transaction put it there."""
    return {m: connection.execute(f"select ctid::text, xmin::text from {m} order by 1").fetchall() for m in MODELS}


def written(connection: Connection) -> list[Any]:
    """Rows written so far, once every other session has ended and reported its statistics."""
    until = monotonic() + 10
    others = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() limit 1"
    while connection.execute(others).fetchone() and monotonic() < until:
        sleep(0.02)
    return connection.execute(
        """
        select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables
        where relname = any(%s) order by relname
        """,
        (list(MODELS),),
    ).fetchall()


def test_the_rebuild_says_something_of_every_published_column(connection: Connection) -> None:
    for table in SNAPSHOTS:
        columns = connection.execute(f"select * from {table} limit 0").description or ()
        assert {column.name for column in columns} - TIMES == set(compared_columns(connection, REBUILT[table]))
    assert set(REBUILT) == set(SNAPSHOTS)
    assert_equal(connection)


def test_an_empty_change_set_writes_nothing(project: Project, trade: Trade, connection: Connection) -> None:
    before = versions(connection), written(connection), watermarks(connection)
    assert len(before[1]) == len(MODELS)
    assert project.run().ok
    trade(whole=True)
    assert project.run().rebuilt == {}
    assert (versions(connection), written(connection), watermarks(connection)) == before


def test_rows_that_nothing_touched_keep_their_time(project: Project, trade: Trade, connection: Connection) -> None:
    def times() -> dict[str, Any]:
        found = connection.execute("select wallet_address, updated_at from wallet_summary_snapshot").fetchall()
        return dict(found)

    before = times()
    trade(("transfer", 1, "0xc"))  # was held by 0xb
    assert project.run().ok
    moved = {wallet for wallet, time in times().items() if time != before[wallet]}
    assert moved == {"0xb", "0xc"}
    assert_equal(connection)


def test_changes_that_cancel_out_write_no_row(project: Project, trade: Trade, connection: Connection) -> None:
    before = versions(connection)
    trade(("transfer", 1, "0xc"))  # was held by 0xb
    trade(("transfer", 1, "0xb"))
    assert project.run().ok
    after = versions(connection)
    for table in SNAPSHOTS[1:]:  # the summary says when it was last synced
        assert after[table] == before[table], table


def test_a_group_that_reaches_zero_is_deleted(project: Project, trade: Trade, connection: Connection) -> None:
    def rows() -> list[Any]:
        mine = " union all ".join(
            f"select '{table}' from {table} where wallet_address = '0xb'" for table in SNAPSHOTS[:5]
        )
        return connection.execute(mine).fetchall()

    assert len(rows()) >= 5
    trade(("sell_all", "0xb", None), whole=True)
    assert project.run().rebuilt == {}
    assert rows() == []
    assert_equal(connection)
    trade(("buy", "0xb", {1, 2}))
    assert project.run().ok
    assert_equal(connection)


def test_one_run_accounts_for_three_loads(project: Project, trade: Trade, connection: Connection) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"))
    trade(("transfer", 1, "0xa"), ("price", "ED4", 7, 8), ("describe", 2, None), ("transfer", 2, "0xa"))
    trade(("lock", 1, True), ("describe", 2, "ED1"), ("burn", 3), ("forget", 3), ("unname", "0xa"), whole=True)
    assert project.run().rebuilt == {}
    assert_equal(connection)


@pytest.mark.parametrize(("name", "shown"), [("Bob", "Bob"), (None, "0xb")])
def test_a_name_that_changes_alone_reaches_every_row_that_shows_it(
    project: Project, trade: Trade, connection: Connection, name: str | None, shown: str
) -> None:
    trade(("rename", "0xb", "Bea"))
    assert project.run().ok
    trade(("rename", "0xb", name))
    assert project.run().rebuilt == {}
    for table in SNAPSHOTS[:5]:
        names = connection.execute(f"select distinct display_name from {table} where wallet_address = '0xb'")
        assert names.fetchall() == [(shown,)], table
    assert_equal(connection)


@pytest.mark.parametrize("serial", [None, 99])
def test_a_corrected_serial_number_moves_the_bounds_of_its_edition(
    project: Project, trade: Trade, connection: Connection, serial: int | None
) -> None:
    trade(("renumber", 12, serial))
    assert project.run().ok
    assert_equal(connection)


def test_an_edition_of_which_nothing_is_known_is_listed(project: Project, trade: Trade, connection: Connection) -> None:
    trade(("describe", 5, "ED4"), ("burn", 5), whole=True)
    trade(("strip", 5))
    assert project.run().ok
    assert_equal(connection)


@pytest.mark.parametrize(
    ("model", "moment"),
    [("int_wallet_editions", "wrote"), ("int_wallet_facts", "writing"), ("top_wallets_by_tier_snapshot", "wrote")],
)
def test_a_failed_model_is_continued(
    project: Project, trade: Trade, connection: Connection, model: str, moment: Moment
) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    with broken(connection, model, moment):
        assert project.run().failed == [model]
    trade(("transfer", 2, "0xc"))
    assert project.run().rebuilt == {}
    assert_equal(connection)


def test_a_killed_session_is_continued(project: Project, trade: Trade, connection: Connection) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    waiting = """
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()
    """
    with ThreadPoolExecutor(1) as executor, psycopg.connect(project.url) as other:
        other.execute("lock table wallet_summary_snapshot in share mode")  # its merge waits
        run = executor.submit(project.run)
        while not connection.execute(waiting).fetchone():
            assert not run.done()
            sleep(0.02)
        assert run.result().failed == ["wallet_summary_snapshot"]
    assert project.run().rebuilt == {}
    assert_equal(connection)


def test_what_is_logged_while_a_model_runs_waits_for_its_next_run(project: Project, connection: Connection) -> None:
    """Another build appends to a changelog between a reader's begin and its query."""
    waiting = "select pid from pg_locks where not granted and locktype = 'transactionid'"
    wrong = """
        select wallet_address from top_wallets_snapshot
        join (select wallet_address, sum(moments) as moments from int_wallet_facts group by 1) as facts
            using (wallet_address)
        where total_moments <> moments
    """
    with ThreadPoolExecutor(1) as executor, psycopg.connect(project.url) as other:
        # The reader waits for its watermark in the statement that says up to which step it reads.
        other.execute("select from delta.watermarks where reader = 'top_wallets_snapshot'::regclass for update")
        run = executor.submit(project.run, "top_wallets_snapshot")
        while not connection.execute(waiting).fetchone():
            assert not run.done()
            sleep(0.02)
        other.execute(
            """
            insert into int_wallet_facts
                (step, wallet_address, moments, locked, floor_cents, asp_cents, priced_moments, renamed)
            values (1000, '0xb', 5, 0, 0, 0, 0, false)
            """
        )
        other.commit()
        assert run.result().ok
    assert connection.execute(wrong).fetchall() == [("0xb",)]
    assert project.run("top_wallets_snapshot").ok
    assert connection.execute(wrong).fetchall() == []


@pytest.mark.parametrize("model", [*CHANGELOGS, "editions_snapshot"])
def test_a_full_refresh_of_one_model_in_the_middle(
    project: Project, trade: Trade, connection: Connection, model: str
) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    assert project.run(model, full_refresh=True).ok
    trade(("transfer", 1, "0xa"), ("price", "ED2", 1, 1))
    rebuilt = project.run().rebuilt
    assert bool(rebuilt) == (model == "int_wallet_facts")  # the readers of others go on from where they were
    assert_equal(connection)


def test_a_change_set_that_is_cheaper_to_rebuild_is_rebuilt(
    project: Project, trade: Trade, connection: Connection
) -> None:
    trade(*(("transfer", moment, "0xc") for moment in MOMENTS))
    rebuilt = project.run(rebuild_share=0.5).rebuilt
    assert "cheaper" in rebuilt["int_wallet_editions"]
    assert_equal(connection)
    assert project.run(rebuild_share=0.5).rebuilt == {}


def test_a_relation_without_watermark_is_rebuilt_and_says_so(project: Project, connection: Connection) -> None:
    connection.execute("delete from delta.watermarks where reader = 'wallet_summary_snapshot'::regclass")
    connection.execute("update wallet_summary_snapshot set moments_total = 0 where wallet_address = '0xa'")
    rebuilt = project.run().rebuilt
    assert list(rebuilt) == ["wallet_summary_snapshot"]
    assert "no watermark for int_wallet_facts" in rebuilt["wallet_summary_snapshot"]
    assert_equal(connection)


def test_logs_are_pruned_once_everybody_has_read_them(project: Project, trade: Trade, connection: Connection) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9), ("rename", "0xb", "Bob"))
    everything = logged(connection)
    assert min(everything.values()) > 0
    assert project.run("int_wallet_editions").ok
    assert logged(connection) == everything  # editions_snapshot has to read the holdings' yet
    assert project.run("editions_snapshot").ok
    assert logged(connection) == everything | {HOLDINGS: 0}  # int_editions has to read the metadata's yet
    assert project.run().ok
    assert set(logged(connection).values()) == {0}


def test_the_logs_of_models_stay_near_their_sum(project: Project, trade: Trade, connection: Connection) -> None:
    def steps() -> list[int]:
        counts = (
            connection.execute(f"select count(distinct step) from {changelog}").fetchone() for changelog in CHANGELOGS
        )
        return [count[0] for count in counts if count]

    for price in (7, 8, 9):
        trade(("transfer", 1, "0xc"), ("transfer", 1, "0xb"), ("lock", 2, price == 8), ("price", "ED1", price, None))
        assert project.run(compact_share=1e9).ok
    assert steps() == [4, 4, 4]
    trade(("transfer", 2, "0xa"), ("price", "ED1", 10, 9))
    before = watermarks(connection)
    assert project.run("int_wallet_editions", "int_editions", "int_wallet_facts", compact_share=0).ok
    assert steps() == [2, 2, 2]  # what the snapshots have not read stays as it is
    assert [w for w in watermarks(connection) if "snapshot" in w[0]] == [w for w in before if "snapshot" in w[0]]
    assert project.run(compact_share=0).rebuilt == {}
    assert steps() == [1, 1, 1]
    stored = connection.execute("select edition_id from int_wallet_editions order by ctid").fetchall()
    assert stored == connection.execute("select edition_id from int_wallet_editions order by edition_id").fetchall()
    assert_equal(connection)
    trade(("transfer", 2, "0xb"), ("price", "ED1", 11, 9))
    assert project.run().rebuilt == {}
    assert_equal(connection)
    assert project.run(full_refresh=True).ok
    assert_equal(connection)


@pytest.mark.parametrize("changelog", CHANGELOGS)
def test_who_leaves_the_log_of_a_model_unread_for_too_long_is_rebuilt(
    project: Project, trade: Trade, connection: Connection, changelog: str
) -> None:
    connection.execute("update delta.watermarks set read_at = now() - interval '15 days'")
    trade(("transfer", 1, "0xc"), ("price", "ED1", 9, 9))
    assert project.run("int_wallet_editions", "int_editions", "int_wallet_facts").ok
    assert any(f"no watermark for {changelog}" in reason for reason in project.run().rebuilt.values())
    assert_equal(connection)


def test_who_leaves_a_log_unread_for_too_long_is_rebuilt(
    project: Project, trade: Trade, connection: Connection
) -> None:
    connection.execute(
        """
        update delta.watermarks set read_at = now() - interval '15 days'
        where log = 'raw.nft_core_metadata_changes'::regclass
        """
    )
    trade(("correct", "ED1", "rare", "Bears", set(MOMENTS)))
    assert project.run("int_wallet_editions").ok
    assert logged(connection)[METADATA] == 0
    run = project.run()
    assert "no watermark for" in run.rebuilt["int_editions"]
    assert_equal(connection)


def test_a_table_that_was_emptied_is_a_new_baseline(project: Project, trade: Trade, connection: Connection) -> None:
    for source in (HOLDINGS, PRICES):
        connection.execute(f"truncate raw.{source}")
    trade(("transfer", 1, "0xc"), ("price", "ED1", 9, 9), whole=True)
    assert logged(connection)[HOLDINGS] == 0
    assert "int_wallet_editions" in project.run().rebuilt
    assert_equal(connection)


def test_another_schema_does_not_move_production(
    project: Project, trade: Trade, connection: Connection, tmp_path: Path
) -> None:
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    before = watermarks(connection), logged(connection)
    add_schema(project.url, "ci_x")
    developer = replace(project, folder=tmp_path, schema="ci_x", manifest=None)
    developer.parse()
    assert developer.run("wallet_summary_snapshot", "int_wallet_editions", defer_to=project).ok
    assert len(watermarks(connection, "ci_x")) == 3
    assert (watermarks(connection), logged(connection)) == before
    assert project.run().rebuilt == {}
    assert_equal(connection)
    assert set(logged(connection).values()) == {0}
    assert developer.run("wallet_summary_snapshot", defer_to=project).rebuilt == {}
    assert differences(connection, "ci_x", ["wallet_summary_snapshot"]) == {"wallet_summary_snapshot": 0}
