"""Each question of analyses/analytics has the same answer on Postgres and on the copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from benchmarks.analytics_pictures import PICTURES, main
from python_runner.analytics.query import query
from python_runner.analytics.sync import sync
from python_runner.analytics.tables import LOGS
from python_runner.project import PROJECT
from python_runner.settings import AnalyticsSettings
from tests.delta.conftest import Workshop
from tests.delta.crowd import open_crowd, trade_crowd
from tests.delta.project import Connection

pytestmark = pytest.mark.database

QUESTIONS = sorted((PROJECT / "analyses" / "analytics").glob("*.sql"))
NUMBERS = {"cohort", "number"}  # columns with a step, or a refresh
STATES = 3


@dataclass(frozen=True)
class Both:
    """Postgres with the compiled questions, and the copy; `refreshes` maps steps of the facts to refreshes."""

    connection: Connection
    compiled: Path
    settings: AnalyticsSettings
    refreshes: dict[int, int]


@pytest.fixture(scope="module")
def both(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A collection in three states, each of them synced."""
    project = workshop.renew()
    settings = AnalyticsSettings(  # type: ignore[call-arg]
        database_url=project.url,  # type: ignore[arg-type]
        analytics_folder=tmp_path_factory.mktemp("copy"),
        _env_file=None,
    )
    refreshes = {}
    with psycopg.connect(project.url, autocommit=True) as connection:
        open_crowd(connection, 10_000, modulus=997)
        for state in range(STATES):
            if state:
                trade_crowd(connection, state)
            assert project.run("intermediate").ok
            (step,) = connection.execute("select max(step) from int_wallet_facts").fetchone() or (0,)
            refreshes[step] = sync(settings).refresh or 0
        first, second, _ = refreshes
        yield Both(
            connection,
            project.compile("path:analyses/analytics", after=str(first), upto=str(second)),
            settings,
            refreshes,
        )


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_a_question_has_one_answer(both: Both, path: Path) -> None:
    found = both.connection.execute((both.compiled / path.relative_to(PROJECT)).read_bytes())
    columns = [column.name for column in found.description or ()]
    expected = [
        tuple(both.refreshes[value] if name in NUMBERS else value for name, value in zip(columns, row, strict=True))
        for row in found.fetchall()
    ]
    question, (first, second, _) = path.read_text(), both.refreshes.values()
    bounds = {"after": str(first), "upto": str(second)}
    answer = query(both.settings, question, {name: value for name, value in bounds.items() if f'"{name}"' in question})
    assert answer.columns == columns
    assert answer.rows
    assert sorted(map(plain, answer.rows), key=repr) == sorted(map(plain, expected), key=repr)


def test_the_views_answer_as_of_a_refresh_and_a_time(both: Both) -> None:
    def ask(question: str, upto: int | None = None) -> list[tuple[Any, ...]]:
        return query(both.settings, question, upto=upto).rows

    total = "select sum(moments), sum(floor_cents) from "
    times = ask("select refresh, synced_at from refreshes order by refresh")
    assert [refresh for refresh, _ in times] == list(both.refreshes.values())
    for refresh, time in times:
        expected = ask(f"{total} int_wallet_facts where refresh <= {refresh}")
        assert ask(f"{total} facts_at({refresh})") == ask(f"{total} facts_at_time('{time}')") == expected
        assert ask(f"{total} int_wallet_facts", upto=refresh) == expected
        assert ask(f"select sum(moments), sum(moments * lowest_ask_usd) * 100 from holdings_at({refresh})") == expected
    assert ask("select count(*) from facts_at(3) where display_name like 'Collector%'") > [(0,)]


def test_the_pictures_are_drawn(both: Both, tmp_path: Path) -> None:
    main(str(both.settings.folder / "collection.duckdb"), str(tmp_path))
    for name in PICTURES:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_tables_are_those_of_the_models() -> None:
    """What is added up, and what identifies a row; a column that is no sum is left out."""
    for table in LOGS:
        model = (PROJECT / "models" / "intermediate" / f"{table.name}.sql").read_text()
        declared = yaml.safe_load((PROJECT / "models" / "intermediate" / f"{table.name}.yml").read_text())
        columns = [column["name"] for column in declared["models"][0]["columns"]]
        rules = re.search(r"'changelog': (\{.*?\})", model, re.DOTALL)
        assert rules
        changelog = yaml.safe_load(rules[1])
        assert list(table.sums) == changelog.pop("sum")
        others = {"step", *table.sums, *(name for names in changelog.values() for name in names)}
        assert list(table.keys) == [name for name in columns if name not in others]


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(float(value) if isinstance(value, Decimal) else value for value in row)
