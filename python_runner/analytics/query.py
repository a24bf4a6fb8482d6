"""Runs a question on the copy: SQL as dbt writes it, on one refresh of all tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import jinja2

from python_runner.analytics.folder import Engine, Folder, copy_errors, engine, refreshes
from python_runner.analytics.state import last_refresh
from python_runner.analytics.views import definitions
from python_runner.errors import RunnerError, UsageError
from python_runner.settings import CopySettings

NUMBER = "number"  # the var that names the column which numbers the states of a changelog: step, or here refresh


@dataclass(frozen=True)
class Answer:
    """The result of a question as of a refresh."""

    refresh: int
    columns: list[str]
    rows: list[tuple[Any, ...]]


def query(
    settings: CopySettings, question: str, variables: Mapping[str, str] | None = None, upto: int | None = None
) -> Answer:
    """Answer as of a refresh, by default the newest. RunnerError says what is wrong with the question."""
    folder = Folder(settings.folder)
    with copy_errors(folder.path), engine() as connection:
        history = folder.current()
        newest = last_refresh(connection, history).number
        refresh = upto or newest
        if refresh not in refreshes(history):
            raise UsageError(
                f"the copy has no refresh {refresh}: the question `from refreshes` lists those that it has"
            )
        for statement in definitions(history, refresh):
            connection.execute(statement)
        sql = render(question, variables or {})
        try:
            return Answer(refresh, *_ask(connection, sql))
        except duckdb.Error as error:
            if str(history) in str(error):  # a file of the copy cannot be read
                raise
            raise RunnerError(f"the question cannot be answered: {' '.join(str(error).split())[:300]}") from error


def _ask(connection: Engine, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and the rows of a statement."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UsageError(f"the question has {len(statements)} statements: give one")
    result = connection.execute(statements[0])
    columns = [column[0] for column in result.description or ()]
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise UsageError(f"the question has several columns {', '.join(repeated)}: give each its own name")
    return columns, result.fetchall()


def render(question: str, variables: Mapping[str, str]) -> str:
    """The question with `ref` and `var` as on the copy: a model is a view, and the states are refreshes."""
    given, read = {NUMBER: "refresh", **variables}, {NUMBER}

    def var(name: str, default: object = None) -> object:
        read.add(name)
        if name not in given and default is None:
            raise UsageError(f"the question needs a value of {name}: add --var {name}=…")
        return given.get(name, default)

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  SQL, not HTML
    try:
        rendered = environment.from_string(question).render(ref=lambda model: model, var=var)
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise UsageError(f"the question cannot be rendered: {error}: use ref() and var() only") from error
    if unread := sorted(given.keys() - read):
        raise UsageError(f"the question reads no var {', '.join(unread)}: it reads {', '.join(sorted(read))}")
    return rendered
