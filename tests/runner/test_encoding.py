"""Text is UTF-8 on the way in, whatever the environment, the role, the database or the connection string says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.errors import RunnerError
from python_runner.ingest.files import read_csv
from python_runner.ingest.load import load_from_file
from python_runner.ingest.source_progress import SourceProgress
from python_runner.postgres.pool import open_pool
from python_runner.sources import read_sources
from python_runner.transform.dbt_profile import profiles
from tests.conftest import Database, prepare

pytestmark = pytest.mark.database

NAME = "André 😀"
DEFAULTS = {
    "the environment": "",
    "the database": "alter database {database} set client_encoding = 'LATIN1'",
    "the role": "alter role current_user in database {database} set client_encoding = 'LATIN1'",
    "the connection string": "client_encoding=LATIN1",
    "its options": "options='-c client_encoding=LATIN1'",
}


@pytest.mark.parametrize("default", DEFAULTS)
def test_names_arrive_as_they_are(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: str
) -> None:
    change = DEFAULTS[default]
    if change.startswith("alter"):
        with database.connect() as connection:
            connection.execute(SQL(change).format(database=Identifier(connection.info.dbname)))
    elif change:
        database = Database(make_conninfo(f"{database.url} {change}"))
    else:
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    source, path = read_sources()["wallet_profiles"], tmp_path / "profiles.csv"
    path.write_text(f"wallet_address,display_name\n0xa,{NAME}\n", encoding="utf-8")
    with open_pool(database.settings) as pool:
        prepare(pool)
        load_from_file(pool, source, read_csv(path, source), full=False, progress=SourceProgress())
    with psycopg.connect(database.url, client_encoding="UTF8") as connection:
        assert connection.execute("select display_name from raw.wallet_profiles").fetchone() == (NAME,)


@pytest.mark.parametrize("own_profile", [False, True])
def test_dbt_is_given_the_encoding(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_profile: bool
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    if own_profile:
        monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path))
    with profiles(database.settings):
        assert os.environ["PGCLIENTENCODING"] == "UTF8"
    assert os.environ["PGCLIENTENCODING"] == "LATIN1"


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def other(request: pytest.FixtureRequest, server_url: str, database_name: str) -> Iterator[Database]:
    name = Identifier(f"{database_name}_{request.param.lower()}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            SQL("create database {} encoding {} locale 'C' template template0").format(name, request.param)
        )
        yield Database(make_conninfo(server_url, dbname=f"{database_name}_{request.param.lower()}"))
        connection.execute(SQL("drop database {} with (force)").format(name))


def test_a_database_of_another_encoding_is_refused(other: Database) -> None:
    with (
        pytest.raises(RunnerError, match="has encoding .*`createdb --encoding UTF8") as caught,
        open_pool(other.settings),
    ):
        pass
    assert "\n" not in str(caught.value)
    assert other.value("select to_regnamespace('raw')") is None
