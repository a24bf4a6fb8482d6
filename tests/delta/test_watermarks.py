"""What watermarks and steps stand for, whatever a crash, a restore or an upgrade has done to them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import sleep

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.delta.conftest import Trade
from tests.delta.oracle import assert_equal
from tests.delta.project import CHANGELOGS, MODELS, Connection, Project
from tests.roles import acting, add_schema

pytestmark = pytest.mark.database

HELD = "create or replace function raw.wait() returns trigger language plpgsql as"
HELD += " 'begin perform pg_advisory_xact_lock(4711); return null; end'"


@contextmanager
def held_while_writing(connection: Connection, model: str) -> Iterator[None]:
    """Sessions that write to the model wait until this ends."""
    connection.execute(HELD)
    connection.execute(
        SQL("create trigger held before insert or update or delete on {} execute function raw.wait()").format(
            Identifier(model)
        )
    )
    connection.execute("select pg_advisory_lock(4711)")
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(4711)")


def wait_for_a_lock(connection: Connection) -> None:
    while not connection.execute("select pid from pg_locks where locktype = 'advisory' and not granted").fetchone():
        sleep(0.02)


@pytest.mark.parametrize("changelog", [*CHANGELOGS, "raw.wallet_holdings_changes"])
def test_a_step_is_above_all_that_its_readers_know(
    project: Project, trade: Trade, connection: Connection, changelog: str
) -> None:
    """As after a crash that has taken a sequence back, or the loss of a changelog's last steps."""
    connection.execute("update delta.watermarks set position = 1000 where log = %s::regclass", (changelog,))
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    assert project.run().rebuilt == {}
    assert_equal(connection)


def test_a_batch_is_above_all_that_are_known(project: Project, trade: Trade, connection: Connection) -> None:
    connection.execute("delete from raw.load_batches")
    trade(("transfer", 1, "0xc"))
    assert project.run().rebuilt == {}
    assert_equal(connection)


def test_a_watermark_of_another_relation_is_none(project: Project, trade: Trade, connection: Connection) -> None:
    """After a dump is restored, a number may be that of another relation."""
    connection.execute("delete from delta.watermarks where reader = 'wallet_summary_snapshot'::regclass")
    connection.execute(
        """
        update delta.watermarks set reader = 'wallet_summary_snapshot'::regclass
        where reader = 'top_wallets_snapshot'::regclass
        """
    )
    connection.execute("update wallet_summary_snapshot set moments_total = 7")
    connection.execute("update top_wallets_snapshot set total_moments = 7")
    trade(("transfer", 1, "0xc"))
    assert set(project.run().rebuilt) == {"wallet_summary_snapshot", "top_wallets_snapshot"}
    assert_equal(connection)


def test_a_restored_dump_is_rebuilt(project: Project, trade: Trade, connection: Connection) -> None:
    """Every relation has another number, and what the dump says of the old ones is kept."""
    add_schema(project.url, "restored")
    with acting(connection):
        for model in MODELS:
            if model != "explorer_filters_snapshot":
                connection.execute(f"create table restored.{model} (like {model} including all)")
                connection.execute(f"insert into restored.{model} select * from {model}")
                connection.execute(f"drop table {model} cascade")
                connection.execute(f"alter table restored.{model} set schema public")
    trade(("transfer", 1, "0xc"))
    run = project.run()
    assert run.ok
    assert set(CHANGELOGS) <= set(run.rebuilt)
    assert_equal(connection)


def test_a_quiet_source_keeps_its_readers(project: Project, trade: Trade, connection: Connection) -> None:
    connection.execute("update delta.watermarks set read_at = now() - interval '15 days'")
    assert project.run().ok  # there is nothing to read
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    assert project.run("int_editions").ok
    assert project.run().rebuilt == {}
    assert_equal(connection)


def test_compaction_is_left_to_a_later_run_while_another_reads(
    project: Project, trade: Trade, connection: Connection
) -> None:
    steps = "select count(distinct step) from int_wallet_facts"
    trade(("transfer", 1, "0xc"))
    with psycopg.connect(project.url) as other:
        other.execute("select pg_advisory_xact_lock_shared(hashtextextended('delta', 0))")
        assert project.run(compact_share=0).ok
        assert connection.execute(steps).fetchone() == (2,)
    trade(("transfer", 1, "0xa"))
    assert project.run(compact_share=0).rebuilt == {}
    assert connection.execute(steps).fetchone() == (1,)
    assert_equal(connection)


def test_no_watermark_goes_back(project: Project, connection: Connection) -> None:
    connection.execute("delete from delta.watermarks where reader = 'top_wallets_snapshot'::regclass")
    with ThreadPoolExecutor(1) as executor:
        with held_while_writing(connection, "top_wallets_snapshot"):
            run = executor.submit(project.run, "top_wallets_snapshot")
            wait_for_a_lock(connection)
            connection.execute(
                """
                insert into delta.watermarks (reader, reader_name, log, log_name, "position")
                values (
                    'top_wallets_snapshot'::regclass, 'public.top_wallets_snapshot',
                    'int_wallet_facts'::regclass, 'public.int_wallet_facts', 1000
                )
                """
            )
        failed = run.result().errors["top_wallets_snapshot"]
    assert "public.top_wallets_snapshot has read public.int_wallet_facts beyond" in failed


def test_what_an_older_version_called_otherwise_is_renamed(
    project: Project, trade: Trade, connection: Connection
) -> None:
    sizes = "select changelog, step, rows from delta.changelog_sizes"
    before = connection.execute(sizes).fetchall()
    connection.execute("alter table delta.changelog_sizes rename to logged")
    connection.execute("alter table delta.logged rename column changelog to log")
    connection.execute("alter index delta.changelog_sizes_pkey rename to logged_pkey")
    trade(("transfer", 1, "0xc"))
    assert project.run().rebuilt == {}
    after = connection.execute(sizes).fetchall()
    assert set(before) < set(after)
    assert connection.execute("select to_regclass('delta.logged')").fetchone() == (None,)
    assert_equal(connection)


def test_watermarks_of_an_older_version_are_kept(project: Project, trade: Trade, connection: Connection) -> None:
    connection.execute("alter table delta.watermarks rename column read_at to advanced_at")
    connection.execute("alter table delta.watermarks drop column reader_name, drop column log_name")
    connection.execute("alter table raw.load_batches drop column highest_key")
    connection.execute("alter table raw.load_batches alter column batch_id add generated always as identity")
    with acting(connection), connection.transaction():
        connection.execute("create sequence delta.steps")
        project.create_raw_tables(connection)
    trade(("transfer", 1, "0xc"), ("describe", 2, "ED4"), ("price", "ED1", 9, 9))
    assert project.run().rebuilt == {}
    assert_equal(connection)


@pytest.mark.parametrize(
    ("change", "swapped"),
    [
        ("comment on table {0} is 'mine'", False),
        ("alter table {0} drop column tier_rare", True),
        ("alter table {0} alter column floor_value type numeric(30, 4)", True),
        ("alter table {0} alter column locked_count type integer", True),
        ("alter table {0} add column mine integer", True),
    ],
)
def test_a_full_refresh_swaps_only_a_table_of_another_shape(
    project: Project, trade: Trade, connection: Connection, change: str, swapped: bool
) -> None:
    table = "wallet_summary_snapshot"
    columns = f"select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = '{table}'::regclass"
    relation = f"select '{table}'::regclass::oid"
    before, shape = connection.execute(relation).fetchone(), set(connection.execute(columns).fetchall())
    connection.execute(change.format(table))
    connection.execute(f"update {table} set moments_total = 7")
    trade(("transfer", 1, "0xc"))
    assert project.run(table, full_refresh=True).ok
    assert project.run().ok
    assert (connection.execute(relation).fetchone() != before) is swapped
    assert set(connection.execute(columns).fetchall()) == shape
    assert_equal(connection)


def test_a_full_refresh_rebuilds_each_table_where_it_is(project: Project, connection: Connection) -> None:
    relations = f"select array_agg(oid order by oid) from pg_class where relname = any('{{{','.join(MODELS[:-1])}}}')"
    before = connection.execute(relations).fetchone()
    for changelog in CHANGELOGS:
        connection.execute(f"delete from {changelog} where ctid = (select min(ctid) from {changelog})")
        connection.execute(f"update {changelog} set step = step where ctid = (select max(ctid) from {changelog})")
    connection.execute("update top_wallets_snapshot set total_moments = 7")
    connection.execute("delete from editions_snapshot where edition_id = 'ED1'")
    run = project.run(full_refresh=True)
    assert set(run.rebuilt) == set(MODELS[:-1])
    assert connection.execute(relations).fetchone() == before
    assert_equal(connection)
