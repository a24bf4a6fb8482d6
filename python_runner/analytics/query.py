"""Runs a question on the copy: SQL as dbt writes it, on one refresh of all tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import jinja2

from python_runner.analytics.folder import Folder, copy_errors, engine
from python_runner.analytics.state import last_refresh
from python_runner.analytics.views import definitions
from python_runner.errors import RunnerError, UsageError
from python_runner.settings import AnalyticsSettings

NUMBER = "number"  # the var that names the column which numbers the states of a changelog: step, or here refresh


@dataclass(frozen=True)
class Answer:
    """The result of a question as of a refresh."""

    refresh: int
    columns: list[str]
    rows: list[tuple[Any, ...]]


def query(
    settings: AnalyticsSettings, question: str, variables: Mapping[str, str] | None = None, upto: int | None = None
) -> Answer:
    """Answer as of a refresh, by default the newest. RunnerError says what is wrong with the question."""
    folder = Folder(settings.folder)
    with copy_errors(folder.path), engine() as connection:
        history = folder.current()
        newest = last_refresh(connection, history).number
        refresh = min(upto or newest, newest)
        for statement in definitions(history, refresh):
            connection.execute(statement)
        try:
            result = connection.execute(render(question, variables or {}))
            columns = [column[0] for column in result.description or ()]
            return Answer(refresh, columns, result.fetchall())
        except (duckdb.ProgrammingError, duckdb.DataError) as error:
            raise RunnerError(f"the question is wrong: {' '.join(str(error).split())[:300]}") from error


def render(question: str, variables: Mapping[str, str]) -> str:
    """The question with `ref` and `var` as on the copy: a model is a view, and the states are refreshes."""
    given = {NUMBER: "refresh", **variables}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  SQL, not HTML
    try:
        return environment.from_string(question).render(ref=lambda model: model, var=given.get)
    except jinja2.TemplateError as error:
        raise UsageError(f"the question cannot be rendered: {error}: use ref() and var() only") from error
