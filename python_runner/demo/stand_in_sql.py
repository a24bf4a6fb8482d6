"""What Snowflake accepts and fakesnow does not: `accept` makes the server take the statements of dbt-snowflake."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from typing import Any

import duckdb
from snowflake.connector.errors import Error, ProgrammingError
from sqlglot import exp

cursor: Any = importlib.import_module("fakesnow.cursor")

QUERY_TAG = re.compile(r"\s*alter session (un)?set query_tag", re.IGNORECASE)  # which nobody reads here
DONE = "select 'Statement executed successfully.' as status"
UNSUPPORTED = 9999  # what fakesnow answers itself where it has no implementation


def accept() -> None:
    """Patch fakesnow's cursor, once in a process."""
    parse, execute = cursor.parse_one, cursor.FakeSnowflakeCursor.execute
    describe = cursor.FakeSnowflakeCursor._describe_last_sql  # noqa: SLF001

    def execute_or_fail(self: Any, *args: Any, **kwargs: Any) -> Any:
        """An error ends the transaction, and is an answer: the connector would repeat an HTTP 500 for ever."""
        try:
            return execute(self, *args, **kwargs)
        except Exception as error:
            with suppress(duckdb.Error):
                self._duck_conn.rollback()
            if isinstance(error, Error):
                raise
            raise ProgrammingError(
                msg=f"{type(error).__name__}: {error}", errno=UNSUPPORTED, sqlstate="99999"
            ) from error

    def describe_merge(self: Any) -> Any:
        """A MERGE answers with the number of its rows, and DuckDB describes queries only."""
        if isinstance(self._last_transformed, exp.Merge):
            self._last_sql = 'select 0 as "number of rows merged"'
        return describe(self)

    cursor.parse_one = lambda command: _permanent(parse(DONE if QUERY_TAG.match(command) else command))
    cursor.transforms.merge = lambda statement: [statement]  # DuckDB has MERGE; fakesnow's needs qualified names
    cursor.FakeSnowflakeCursor.execute = execute_or_fail
    cursor.FakeSnowflakeCursor._describe_last_sql = describe_merge  # noqa: SLF001


def _permanent(statement: Any) -> Any:
    """A temporary table or view of a named schema as an ordinary one: DuckDB has one schema for temporary ones."""
    if isinstance(statement, exp.Create) and (table := statement.find(exp.Table)) and table.args.get("db"):
        for option in list(statement.find_all(exp.TemporaryProperty)):
            option.pop()
    return statement
