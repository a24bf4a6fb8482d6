"""DATABASE_URL in every form that libpq takes: the loader and dbt reach the same server, as the same user."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.contracts.connection import Identifier as Kind
from dbt.adapters.postgres.connections import PostgresConnectionManager
from dbt.config.runtime import load_profile
from dbt.flags import set_from_args
from dbt_common.context import set_invocation_context
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.conninfo import profile_variables, resolve
from python_runner.errors import RunnerError, UsageError
from python_runner.postgres.pool import open_pool
from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings, postgres_settings
from python_runner.transform.dbt_build import build, run_command
from python_runner.transform.dbt_profile import check_connection, profiles
from tests.conftest import Database, prepare

pytestmark = pytest.mark.database

SESSION = """
select
    pg_postmaster_start_time()::text as server,
    current_database() as database,
    current_user as role,
    current_setting('application_name') as name,
    current_setting('client_encoding') as encoding,
    current_setting('work_mem') as work_mem,
    current_setting('search_path') as search_path
"""
LIMITS = "select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock"
NAMES = ("collectibles_runner", "dbt")

Parts = dict[str, str]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("PG", "DB_", "DBT_PG")) or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def settings_of(url: str, **others: Any) -> PostgresSettings:
    return PostgresSettings(database_url=url, _env_file=None, **others)  # type: ignore[arg-type,call-arg]


def credentials(settings: PostgresSettings) -> Any:
    """What dbt makes of the profile."""
    with profiles(settings) as folder:
        set_invocation_context(os.environ)
        set_from_args(Namespace(PROFILES_DIR=str(folder), PROJECT_DIR=str(PROJECT)), {})
        return load_profile(str(PROJECT), {}).credentials


def seen_by_dbt(settings: PostgresSettings, query: str = SESSION) -> dict[str, Any]:
    """The answer in the session that dbt opens."""
    found = credentials(settings)
    with profiles(settings):
        opened = Connection(Kind("postgres"), None, found, ConnectionState.INIT)
        handle = PostgresConnectionManager.open(opened).handle  # type: ignore[no-untyped-call]
    with handle.cursor() as cursor:
        cursor.execute(query)
        row = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    handle.close()
    return row


def seen_by_the_loader(settings: PostgresSettings, query: str = SESSION) -> dict[str, Any]:
    with open_pool(settings.model_copy(update={"db_pool_min": 1})) as pool, pool.transaction() as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone()
        assert row is not None
        return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


def assert_both(settings: PostgresSettings, **expected: str) -> None:
    """Both halves see the same, and this."""
    before = dict(os.environ)
    loader, dbt = seen_by_the_loader(settings), seen_by_dbt(settings)
    assert os.environ == before
    if loader["name"] != dbt["name"]:
        assert (loader.pop("name"), dbt.pop("name")) == NAMES
    assert loader == dbt
    assert expected.items() <= loader.items()


@pytest.fixture
def server(server_url: str) -> Parts:
    parts = {name: str(value) for name, value in conninfo_to_dict(server_url).items() if value}
    return {"port": "5432", "user": "postgres", "dbname": "postgres"} | parts


def url_of(server: Parts, **query: str) -> str:
    """As a URL, with the folder of a socket or the password where they may be."""
    user, password, host, port, name = (
        quote(server.get(part, ""), safe="") for part in ("user", "password", "host", "port", "dbname")
    )
    return f"postgresql://{user}:{password}@{host}:{port}/{name}?" + "&".join(
        f"{key}={quote(value, safe='')}" for key, value in query.items()
    )


FORMS: dict[str, Callable[[Parts], tuple[str, Parts]]] = {
    "key and value": lambda s: (make_conninfo("", **s), {}),
    "URL": lambda s: (url_of(s), {}),
    "URL with host as parameter": lambda s: (url_of(s | {"host": ""}, host=s["host"]), {}),
    "several hosts": lambda s: (
        make_conninfo("", **s | {"host": f"/nowhere,{s['host']}", "target_session_attrs": "read-write"}),
        {},
    ),
    "options": lambda s: (make_conninfo("", **s, options="-c work_mem=3MB -c search_path=a,b"), {"work_mem": "3MB"}),
    "application name": lambda s: (url_of(s, application_name="site refresh"), {"name": "site refresh"}),
    "limits of the connection": lambda s: (
        make_conninfo(
            "", **s, connect_timeout="7", keepalives="1", keepalives_idle="30", tcp_user_timeout="1000",
            gssencmode="disable", channel_binding="disable", sslmode="disable",
        ),
        {},
    ),
    "other encoding": lambda s: (make_conninfo("", **s, client_encoding="LATIN1"), {"encoding": "UTF8"}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_both_halves_open_the_same_session(server: Parts, form: str) -> None:
    url, expected = FORMS[form](server)
    assert_both(settings_of(url), **expected)


def test_the_environment_counts_for_both(server: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, value in server.items():
        monkeypatch.setenv(f"PG{'DATABASE' if part == 'dbname' else part.upper()}", value)
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=5MB")
    monkeypatch.setenv("PGAPPNAME", "from the environment")
    assert_both(settings_of("application_name=given"), work_mem="5MB", name="given")
    assert_both(settings_of("options='-c work_mem=6MB'"), work_mem="6MB", name="from the environment")


@pytest.mark.parametrize("where", ["DATABASE_URL", "the environment"])
def test_a_service_counts_for_both(server: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str) -> None:
    entries = "\n".join(f"{name}={value}" for name, value in server.items())
    (tmp_path / "services").write_text(f"[site]\n{entries}\noptions=-c work_mem=7MB\napplication_name=of the service\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGHOST", "/nowhere")
    if where == "the environment":
        monkeypatch.setenv("PGSERVICE", "site")
    url = {"DATABASE_URL": "service=site ", "the environment": ""}[where]
    assert_both(settings_of(f"{url}dbname={server['dbname']}"), work_mem="7MB", name="of the service")
    assert_both(settings_of(f"{url}application_name=mine"), name="mine")


def test_dot_env_counts_for_every_command(server: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"DATABASE_URL={url_of(server)}\nPGOPTIONS=-c work_mem=9MB\nPGAPPNAME=of .env\nDBT_PG_SCHEMA=\nDBT_THREADS=\n"
    )
    with monkeypatch.context() as patch:
        for name in ("DATABASE_URL", "PGOPTIONS", "PGAPPNAME", "DBT_PG_SCHEMA"):
            patch.setenv(name, "")
        settings = postgres_settings()
        assert_both(settings, work_mem="9MB", name="of .env")
        assert credentials(settings).schema == "public"


@pytest.fixture(scope="module")
def odd_role(server_url: str) -> Iterator[str]:
    name = 'An odd-"role" {{ 1 }} %s'
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("create role {} login superuser").format(Identifier(name)))
        connection.execute(SQL("create database {}").format(Identifier(name)))
        yield name
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))
        connection.execute(SQL("drop role {}").format(Identifier(name)))


def test_names_with_any_characters_reach_both(server: Parts, odd_role: str) -> None:
    """Without a database, libpq takes the one with the name of the user."""
    without = {name: value for name, value in server.items() if name not in {"dbname", "user"}}
    for url in (make_conninfo("", **without, user=odd_role), url_of(server | {"user": odd_role, "dbname": odd_role})):
        assert_both(settings_of(url), role=odd_role, database=odd_role)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@hypothesis_settings(max_examples=25, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
@example("{{ 1 }}", "{% raw %}", "$$$DBT_SECRET_START$$$")
@example("\\1 \\g<0> '\" %s %%", "don't", "a b-C")
def test_passwords_and_names_are_passed_as_they_are(password: str, user: str, database: str) -> None:
    found = credentials(settings_of(make_conninfo("", host="h", user=user, password=password, dbname=database)))
    assert (found.password, found.user, found.database) == (password, user, database)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("host=a,b port=1,2 user=u", r"different ports \(1,2\)"),
        ("service=nowhere", 'service "nowhere"'),
        ("host=a sslkeylogfile=keys.log", "sets sslkeylogfile, which the driver of dbt does not know"),
        ("host=a options='-c a.b=1\n2'", "options in DATABASE_URL has a line break"),
        ("host=a nonsense=hunter2", "is not a connection string"),
    ],
)
def test_what_cannot_reach_dbt_is_refused_before_anything_connects(
    url: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "services").write_text("[other]\nhost=localhost\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    with pytest.raises(UsageError, match=words) as caught:
        check_connection(settings_of(url))
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_no_secret_is_written_to_the_service(tmp_path: Path) -> None:
    settings = settings_of("host=a user=u password=hunter2 sslrootcert=ca.pem sslmode=verify-full")
    with profiles(settings) as folder:
        text = "".join(path.read_text() for path in folder.iterdir())
        assert f"sslrootcert={tmp_path / 'ca.pem'}" in text, "dbt connects in another folder"
    assert "hunter2" not in text


def test_what_is_not_set_is_left_to_libpq() -> None:
    assert profile_variables(resolve("host=a user=u"))["DBT_PG_SSLMODE"] == ""
    found = credentials(settings_of("hostaddr=127.0.0.1 user=u connect_timeout=3"))
    assert (found.host, found.database, found.connect_timeout) == ("127.0.0.1", "u", 3)


def test_both_halves_have_the_time_limits(database: Database) -> None:
    url = make_conninfo(database.url, options="-c work_mem=3MB")
    settings = settings_of(url, db_statement_timeout_s=90, db_lock_timeout_s=7)
    assert seen_by_dbt(settings, LIMITS) == seen_by_the_loader(settings, LIMITS) == {"statement": "90s", "lock": "7s"}
    assert_both(settings, work_mem="3MB")


def test_dbt_that_is_refused_is_told_before_anything_is_loaded(database: Database) -> None:
    with pytest.raises(RunnerError, match="^Postgres refuses dbt .*check DATABASE_URL$"):
        check_connection(settings_of(make_conninfo(database.url, options="-c no_such_setting=1")))


def test_a_limit_that_stops_a_model_names_the_setting(database: Database) -> None:
    settings = settings_of(database.url, db_pool_min=1, db_lock_timeout_s=1)
    with open_pool(settings) as pool:
        prepare(pool)
    with database.connect() as loading:
        loading.execute("select pg_advisory_xact_lock(hashtextextended('delta', 0))")
        with pytest.raises(RunnerError, match=r"^dbt: int_\w+ .*lock timeout.*raise DB_LOCK_TIMEOUT_S$"):
            build(
                settings,
                "--select",
                "excluded_wallets",
                "staging",
                "int_editions",
                "--exclude-resource-type",
                "test",
                "unit_test",
            )
        said: list[str] = []
        assert run_command(settings, ["--quiet", "run", "--select", "int_editions"], said.append) == 1
        assert said == [
            "a time limit has stopped a statement: see `runner status --database`, or raise DB_LOCK_TIMEOUT_S"
        ]
