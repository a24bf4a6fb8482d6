"""A project made of the files on the page of the package works, installed from git as the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from python_runner.project import PROJECT
from python_runner.settings import PostgresSettings
from tests.renewable import renewable

pytestmark = [pytest.mark.database, pytest.mark.slow]

PACKAGE = PROJECT / "macros/tuning"
PAGE = (PACKAGE / "README.md").read_text()
FILES = dict(re.findall(r"`([\w/]+\.(?:yml|sql))`[^`]*:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
DISPATCH = re.compile(r"^dispatch:\n(?: .*\n)+", re.MULTILINE)
QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors")


@dataclass(frozen=True)
class Reader:
    """The project of somebody who has followed the page."""

    folder: Path
    url: str

    def dbt(self, command: str, *arguments: str) -> str:
        """Run a command; returns its errors."""
        folders = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        outcome = dbtRunner().invoke([*QUIET, command, *folders, *arguments])
        failed = [r.message for r in getattr(outcome.result, "results", []) if str(r.status) in {"error", "fail"}]
        return "\n".join(map(str, [outcome.exception, *failed] if outcome.exception else failed))

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=shop") as connection:
            return connection.execute(query.encode()).fetchall()

    def indexes(self, table: str) -> set[str]:
        query = "select split_part(indexdef, ' USING ', 2) from pg_indexes where schemaname = 'shop' and tablename = "
        return {found for (found,) in self.rows(f"{query}'{table}'")}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the package in its folder, and the tag that the page names."""
    repository = tmp_path_factory.mktemp("published")
    shutil.copytree(PACKAGE, repository / "macros/tuning")
    (tag,) = re.findall(r"revision: (\S+)", FILES["packages.yml"])
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "Publish"],
        ["tag", tag],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return repository


@pytest.fixture(scope="module")
def reader(server_url: str, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    (address,) = re.findall(r'git: "(\S+)"', FILES["packages.yml"])
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    shutil.copy(PROJECT / "tests/tuning/other_project/profiles.yml", folder)
    with renewable(server_url, "readme") as database, pytest.MonkeyPatch.context() as patch:
        database.renew()
        settings = PostgresSettings(database_url=database.url, _env_file=None)  # type: ignore[arg-type,call-arg]
        instead = {"GIT_CONFIG_KEY_0": f"url.file://{published}.insteadOf", "GIT_CONFIG_VALUE_0": address}
        target = {"DBT_TARGET_PATH": str(folder / "target"), "GIT_CONFIG_COUNT": "1"}
        for name, value in (settings.for_dbt() | instead | target).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        one = Reader(folder, database.url)
        assert not one.dbt("deps")
        with psycopg.connect(database.url) as connection:
            connection.execute("create schema shop")
            connection.execute("create table shop.books (book_id int primary key, title text)")
        yield one


def test_the_page_names_its_files() -> None:
    assert {"packages.yml", "dbt_project.yml", "models/_sources.yml"} < FILES.keys()
    assert len([path for path in FILES if path.endswith(".sql")]) == 4


def test_every_example_does_what_the_page_says(reader: Reader) -> None:
    assert not reader.dbt("run")
    assert reader.indexes("orders") == {
        "btree (order_id) INCLUDE (amount)",
        "btree (customer_id, amount DESC NULLS LAST) WITH (fillfactor='80')",
        "btree (((amount / 2))) WHERE (amount > 100)",
        "brin (ordered_at)",
    }
    assert reader.indexes("books") == {"btree (book_id)", "btree (title text_pattern_ops)"}
    partitions = "select count(*) from pg_inherits where inhparent = 'visits'::regclass"
    assert reader.rows(partitions)[0][0] > 5
    assert reader.rows("select count(*) from visits") == [(100,)]
    assert reader.dbt("run", "--vars", "orders: 200") == ""
    (spent,) = reader.rows("select spent from best_customer")[0]
    assert spent == reader.rows("select max(sum) from (select sum(amount) from orders group by customer_id) as s")[0][0]
    assert reader.dbt("run", "--full-refresh") == ""
    assert reader.rows("select count(*) from best_customer") == [(1,)]
    assert reader.rows(partitions)[0][0] > 5


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("sync_indexes", "{dry_run: true}"),
        ("partition_table", "{table: visits}"),
        ("outgrown_tables", "{}"),
        ("maintain", "{}"),
    ],
)
def test_every_operation_of_the_page_runs(reader: Reader, operation: str, arguments: str) -> None:
    assert f"run-operation {operation}" in PAGE.replace("\n", " ")
    assert not reader.dbt("run")
    assert not reader.dbt("run-operation", operation, "--args", arguments)


def test_without_dispatch_dbt_rejects_the_indexes_in_the_words_of_the_page(reader: Reader) -> None:
    project = reader.folder / "dbt_project.yml"
    before = project.read_text()
    project.write_text(DISPATCH.sub("", before))
    try:
        said = reader.dbt("run", "--select", "orders", "--full-refresh")
    finally:
        project.write_text(before)
    assert "Additional properties are not allowed" in said
    assert "Additional properties are not allowed" in PAGE
