"""The commands say in one line what is wrong, and lose nothing."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from python_runner.analytics.after_run import sync_after_run
from python_runner.analytics.folder import engine
from python_runner.analytics.query import query
from python_runner.analytics.state import last_refresh
from python_runner.analytics.sync import sync, verify
from python_runner.cli import app
from python_runner.errors import RunnerError
from python_runner.jobs.log import JobLog
from python_runner.jobs.names import JobRequest
from python_runner.jobs.warm import Warm, answer
from python_runner.settings import AnalyticsSettings
from tests.analytics.killing import FORK
from tests.delta.conftest import Workshop
from tests.delta.market import Market

pytestmark = pytest.mark.database

ODD_NAMES = ['""', "a,b", "a\nb", "\r", "\\N", "'; drop", "ünï", "-- ", '"', "NULL"]
NOBODY = 65534
RUNNER = Path(sys.executable).parent / "runner"
Run = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def url(workshop: Workshop, opened: Market) -> str:
    """A market that is loaded and built, which these tests only read."""
    assert opened
    return workshop.renew("traded").url


@pytest.fixture
def settings(url: str, tmp_path: Path) -> AnalyticsSettings:
    """With a copy of two refreshes."""
    settings = settings_of(url, tmp_path / "copy")
    sync(settings)
    load_names(url, "update raw.wallet_profiles set display_name = display_name || '!'")
    assert sync(settings).refresh == 2
    return settings


@pytest.fixture
def run(settings: AnalyticsSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`runner analytics` on this copy: its exit code, and its JSON."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("ANALYTICS_FOLDER", str(settings.folder))

    def run(*arguments: str, question: str | None = None) -> tuple[int, Any]:
        done = CliRunner().invoke(app, ["analytics", *arguments, "--json"], input=question)
        return done.exit_code, json.loads(done.stdout)

    return run


def settings_of(url: str, folder: Path, schema: str = "public") -> AnalyticsSettings:
    return AnalyticsSettings(  # type: ignore[call-arg]
        database_url=url,  # type: ignore[arg-type]
        analytics_folder=folder,
        dbt_pg_schema=schema,
        _env_file=None,
    )


def load_names(url: str, change: str) -> None:
    """A load of profiles that changed them."""
    with psycopg.connect(url) as connection:
        connection.execute(change.encode())
        connection.execute(
            "insert into raw.load_batches (batch_id, source, mode, baseline, started_at, rows_fetched, rows_rejected,"
            " rows_updated) select max(batch_id) + 1, 'wallet_profiles', 'full', false, now(), 1, 0, 1"
            " from raw.load_batches"
        )


def test_a_question_needs_no_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    code, answer = run("query", "-", question="select max(refresh) as newest from refreshes")
    assert (code, answer["rows"]) == (0, [{"newest": 2}])
    assert run("compact", "--older-than", "0d")[0] == 0
    code, error = run("sync")
    assert (code, error["error"].split()[0]) == (2, "DATABASE_URL")


def test_the_commands_print_json(run: Run) -> None:
    code, synced = run("sync")
    assert (code, synced["refresh"], synced["rows"]) == (0, 2, {})
    code, verified = run("verify")
    assert (code, set(verified["rows"].values())) == (0, {0})
    code, answer = run(
        "query", "-", "--upto", "1", question="select max(refresh) as n from {{ ref('int_wallet_facts') }}"
    )
    assert (code, answer) == (0, {"refresh": 1, "rows": [{"n": 1}]})
    assert run("compact", "--older-than", "90d") == (0, {"before": 2, "after": 2})


def test_wrong_usage_is_said_in_one_line(run: Run) -> None:
    for arguments, code, words in (
        (("query", "/no/such/file"), 2, "/no/such/file cannot be read"),
        (("query", "-", "--var", "a"), 2, "expected name=value"),
        (("query", "-", "--upto", "3"), 2, "the copy has no refresh 3"),
        (("query", "-", "--var", "uptoo=1"), 2, "reads no var uptoo: it reads number"),
        (("compact", "--older-than", "soon"), 2, "such as 90d"),
        (("compact", "--older-than", "-1d"), 2, "such as 90d"),
        (("compact", "--older-than", "99999999d"), 2, "such as 90d"),
    ):
        found, printed = run(*arguments, question="select 1")
        assert (found, words in printed["error"]) == (code, True), printed


def test_a_wrong_question_is_said_in_one_line(run: Run) -> None:
    for question, code, words in (
        ("select x", 1, "cannot be answered: Binder Error"),
        ("from read_csv('/no/such')", 1, "cannot be answered: IO Error"),  # which is not the fault of the copy
        ("{{ config() }} select 1", 2, "'config' is undefined: use ref() and var() only"),
        ("{{ ref('a', 'b') }}", 2, "cannot be rendered"),
        ("select {{ 1 / 0 }}", 2, "cannot be rendered: division by zero"),
        ("select {{ var('day') }}", 2, "add --var day="),
        ("-- nothing", 2, "has 0 statements: give one"),
        ("select 1; select 2", 2, "has 2 statements: give one"),
        ("select 1 as a, 2 as a", 2, "several columns a"),
    ):
        found, printed = run("query", "-", question=question)
        assert (found, words in printed["error"], "\n" in printed["error"]) == (code, True, False), printed


@pytest.mark.usefixtures("run")
def test_an_answer_is_shown_as_it_is() -> None:
    """Names are anyone's: they are no markup, and no orders to a terminal."""

    def shown(question: str) -> list[str]:
        done = CliRunner().invoke(app, ["analytics", "query", "-"], input=question)
        assert done.exit_code == 0
        return [line.rstrip() for line in done.stdout.splitlines()]

    assert shown("select 1 as n") == ["as of refresh 2", "n", "1", ""]
    assert shown("select 1 as n where false") == ["as of refresh 2", "nothing", ""]
    name, seen = (
        "'[b]a[/c]' || chr(27) || '[2J' || chr(10)",
        "[b]a[/c]\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}",
    )
    assert shown(f'select 1234.50::decimal(9, 2) as n, {name} as "[/d]"')[1:] == [
        "       n  [/d]",
        f"1,234.50  {seen}",
        "",
    ]


def test_what_json_does_not_have_is_null(run: Run) -> None:
    assert run("query", "-", question="select 0 / 0 as a, 1 / 0 as b") == (
        0,
        {"refresh": 2, "rows": [{"a": None, "b": None}]},
    )


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_second_sync_waits_and_says_so(settings: AnalyticsSettings, options: list[str]) -> None:
    with (settings.folder / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [str(RUNNER), "analytics", "sync", *options]
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr
        line = waiting.stderr.readline()
        text = json.loads(line)["text"] if options else line.rstrip()
    assert text == f"waiting for another `runner analytics` that writes to {settings.folder}"
    assert waiting.communicate()[1] == ""
    assert waiting.returncode == 0


def test_a_refresh_that_is_missing_is_said(run: Run, settings: AnalyticsSettings) -> None:
    kept = settings.folder / "kept"
    (settings.folder / "history-1/refresh=1").rename(kept)
    for command in (("sync",), ("query", "-", "--upto", "2")):
        code, printed = run(*command, question="select 1")
        assert (code, "refreshes are missing" in printed["error"]) == (1, True), printed
    assert run("sync", "--from-scratch")[1]["refresh"] == 1
    assert (settings.folder / "history-1").exists()
    assert run("verify")[0] == 0


@pytest.mark.parametrize("command", ["sync", "verify"])
@pytest.mark.parametrize("state", [None, "", '"text"', "{}", "[]", '{"origin": {}, "places": {}}'])
def test_a_damaged_state_is_said(run: Run, settings: AnalyticsSettings, command: str, state: str | None) -> None:
    file = settings.folder / "history-1/refresh=2/refresh.parquet"
    file.write_bytes(b"damaged")
    if state is not None:  # that a later version has written
        duckdb.execute(f"copy (select now() as synced_at, '{state}' as state) to '{file}'")
    code, printed = run(command)
    assert (code, "the copy is damaged, or of another version" in printed["error"]) == (1, True), printed


def test_damaged_and_missing_rows_are_found(run: Run, settings: AnalyticsSettings) -> None:
    facts = settings.folder / "history-1/refresh=1/int_wallet_facts.parquet"
    whole = facts.read_bytes()
    facts.write_bytes(whole[: len(whole) // 2])
    for command in (("verify",), ("query", "-")):
        code, printed = run(*command, question="select sum(moments) from int_wallet_facts")
        assert (code, "if it is damaged" in printed["error"], "\n" in printed["error"]) == (1, True, False), printed
    facts.write_bytes(whole)
    (settings.folder / "history-1/refresh=2/wallet_profiles.parquet").unlink()
    done = CliRunner().invoke(app, ["analytics", "verify"])
    assert done.exit_code == 1
    assert "Ada!" in done.stdout  # the first rows that differ
    assert "2 rows of wallet_profiles" in done.stderr


def test_a_file_of_views_that_cannot_be_read_is_written_again(settings: AnalyticsSettings) -> None:
    file = settings.folder / "collection.duckdb"
    written = file.read_bytes()
    file.write_bytes(b"of another version")
    sync(settings)
    assert len(file.read_bytes()) == len(written)


@pytest.mark.parametrize("name", ["relative", "~/copy", "s3://bucket/copy", "/a [b]", "/a*", "/a?", "/refresh=7"])
def test_a_folder_that_duckdb_reads_otherwise_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_FOLDER", f"{tmp_path}{name}" if name.startswith("/") else name)
    before = set(tmp_path.parent.iterdir())
    code, printed = run("sync")
    assert (code, "give an absolute path without" in printed["error"]) == (2, True), printed
    assert set(tmp_path.parent.iterdir()) == before


def test_any_other_folder_is_written(url: str, tmp_path: Path) -> None:
    settings = settings_of(url, tmp_path / "a 'b' \"c\" {d} ü%41;\n#" / "copy")
    assert sync(settings).refresh == 1
    load_names(url, "update raw.wallet_profiles set display_name = display_name || '?'")
    assert sync(settings).refresh == 2
    assert not any(verify(settings).rows.values())
    assert query(settings, "select count(*) from refreshes").rows == [(2,)]


@pytest.mark.parametrize("command", [("verify",), ("compact", "--older-than", "1d"), ("query", "-")])
def test_a_copy_that_is_not_there_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ANALYTICS_FOLDER", str(tmp_path / "other"))
    code, printed = run(*command, question="select 1")
    assert (code, "there is no copy in" in printed["error"]) == (1, True), printed
    assert not (tmp_path / "other").exists()


def test_another_database_is_refused(url: str, settings: AnalyticsSettings) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create schema other")
        for table in ("int_wallet_facts", "int_wallet_editions", "int_editions"):
            connection.execute(f"create table other.{table} (like public.{table})")
        connection.execute(
            "insert into delta.watermarks select to_regclass('other.int_wallet_facts'), 'other.int_wallet_facts',"
            " to_regclass(name), name, 0 from unnest(array['other.int_wallet_editions', 'other.int_editions']) as name"
        )
    other = settings_of(url, settings.folder, "other")
    with pytest.raises(RunnerError, match="is of database .* schema 'public'.* not of .* schema 'other'"):
        sync(other)
    assert sync(other, moved=True).refresh == 3  # which holds nothing
    assert not any(verify(other).rows.values())


@pytest.mark.parametrize("part", ["system_identifier", "database", "schema"])
def test_a_copy_of_another_database_is_refused(settings: AnalyticsSettings, part: str) -> None:
    with engine() as connection:
        newest = last_refresh(connection, settings.folder / "history-1")
        state = replace(newest.state, origin=replace(newest.state.origin, **{part: "other"}))
        replace(newest, state=state).write(connection, settings.folder / "history-1/refresh=2")
    for work in (sync, verify):
        with pytest.raises(RunnerError, match=r"is of .*other.*, not of .*`runner analytics sync --moved`"):
            work(settings)
    sync(settings, moved=True)
    assert not any(verify(settings).rows.values())


def in_process(work: Callable[[], object]) -> None:
    """In a process of its own, because what it changes of itself cannot be undone."""
    process = FORK.Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == 0


def test_a_folder_of_another_user_is_said(settings: AnalyticsSettings) -> None:
    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        for work in (sync, verify):
            with pytest.raises(RunnerError, match=r"Permission denied.*check ANALYTICS_FOLDER"):
                work(settings)

    for path in (settings.folder, *settings.folder.parents):
        if path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o055)
    settings.folder.chmod(0o555)
    in_process(as_nobody)
    settings.folder.chmod(0o755)
    assert sync(settings).refresh == 2


def test_a_folder_that_cannot_be_written_is_said(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_of(url, tmp_path / "file" / "copy")
    with pytest.raises(RunnerError, match="Not a directory.*check ANALYTICS_FOLDER"):
        sync(settings)
    # After a run it is a warning.
    assert "check ANALYTICS_FOLDER" in sync_after_run(settings, full_refresh=True, notify=print).warning


@pytest.mark.parametrize("limit", [0, 200, 600, 100_000])
def test_a_full_disk_loses_nothing(url: str, tmp_path: Path, limit: int) -> None:
    settings = settings_of(url, tmp_path / "copy")

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with pytest.raises(RunnerError, match="the copy in") as raised:
            sync(settings)
        assert "\n" not in str(raised.value)

    in_process(fill)
    assert not (settings.folder / ".tmp").exists()
    assert sync(settings).refresh == 1
    assert not any(verify(settings).rows.values())


def test_a_disk_that_is_full_loses_nothing(url: str, tmp_path: Path) -> None:
    """With the first refresh there, and room for no other one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    try:
        settings = settings_of(url, disk / "copy")
        sync(settings)
        before = query(settings, "from int_wallet_facts order by all").rows
        many = "select number::text, md5(number::text), 1 from generate_series(1, 20000) as number"
        load_names(url, f"insert into raw.wallet_profiles {many}")
        with pytest.raises(RunnerError, match="No space left on device") as raised:
            sync(settings)
        assert "\n" not in str(raised.value)
        assert query(settings, "from int_wallet_facts order by all").rows == before
        assert {path.name for path in settings.folder.iterdir()} == {".lock", "collection.duckdb", "history-1"}
        load_names(url, "delete from raw.wallet_profiles where wallet_address ~ '^[0-9]+$'")
        sync(settings)
        assert not any(verify(settings).rows.values())
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_role_that_may_only_read(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop role if exists analyst")
        connection.execute("create role analyst login")
        connection.execute("grant usage on schema public, raw, delta to analyst")
        connection.execute("grant select on int_wallet_facts, int_wallet_editions, int_editions to analyst")
        connection.execute("grant select on raw.wallet_profiles, raw.load_batches, delta.watermarks to analyst")
        try:
            assert sync(settings_of(make_conninfo(url, user="analyst"), tmp_path / "copy")).refresh == 1
        finally:
            connection.execute("drop owned by analyst")
            connection.execute("drop role analyst")


def test_a_rebuild_under_way_is_left_alone(url: str, settings: AnalyticsSettings) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as table delta.watermarks")
        connection.execute("delete from delta.watermarks where log = 'int_editions'::regclass")
    try:
        done = sync(settings)
        assert (done.refresh, done.rows) == (2, {})
        assert "has not read public.int_editions since it was rebuilt" in done.waiting
    finally:
        with psycopg.connect(url) as connection:
            connection.execute("truncate delta.watermarks")
            connection.execute("insert into delta.watermarks table kept")
            connection.execute("drop table kept")


def test_any_name_arrives(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url) as connection:
        for number, name in enumerate(ODD_NAMES):
            connection.execute("insert into raw.wallet_profiles values (%s, %s, 1)", (f"0x{number}", name))
        expected = connection.execute(
            "select wallet_address, nullif(trim(display_name), '') from raw.wallet_profiles order by wallet_address"
        ).fetchall()
    settings = settings_of(url, tmp_path / "copy")
    sync(settings)
    assert query(settings, "from wallet_profiles order by wallet_address").rows == expected


@pytest.mark.usefixtures("run")
def test_the_job_of_the_worker_syncs(settings: AnalyticsSettings) -> None:
    load_names(settings.database_url.get_secret_value(), "delete from raw.wallet_profiles")
    assert answer_of("analytics") == {}
    assert not query(settings, "from wallet_profiles").rows
    (settings.folder / "history-1/refresh=1").rename(settings.folder / "kept")
    assert "refreshes are missing" in answer_of("analytics")["error"]


def answer_of(job: str) -> dict[str, Any]:
    """What the process of the worker answers to a request."""
    with ExitStack() as kept:
        log = JobLog(as_json=False)
        return answer(Warm(log, kept), log, JobRequest(1, job))


def test_without_a_folder_nothing_is_run(monkeypatch: pytest.MonkeyPatch, url: str, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("ANALYTICS_FOLDER", raising=False)
    done = CliRunner().invoke(app, ["analytics", "sync"])
    assert (done.exit_code, "ANALYTICS_FOLDER is not set" in done.stderr) == (2, True)
