"""Compares Snowflake's tables with the declaration, in one statement, before anything is fetched from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from python_runner.errors import RunnerError
from python_runner.sources import Kind, Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

NUMBERS = {"NUMBER", "FLOAT", "TEXT"}
# Snowflake's types (information_schema.columns.data_type) from which `clean` can make a column of the kind.
READABLE: dict[Kind, set[str]] = {
    "text": {"TEXT", "NUMBER"},
    "bigint": NUMBERS,
    "integer": NUMBERS,
    "numeric": NUMBERS,
    "boolean": {"BOOLEAN", "TEXT"},
    "timestamptz": {"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"},
}
COLUMNS = """
select upper(table_name) as table_name, upper(column_name) as column_name, data_type
from information_schema.columns
where table_schema = %(schema)s
"""


def check_columns(snowflake: Snowflake, sources: list[Source], warn: Callable[[str], None]) -> None:
    """RunnerError names each declared column that is missing or of an unreadable type; an added one is a warning."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in snowflake.fetch(COLUMNS, {"schema": snowflake.settings.schema_.upper()}).to_pylist():
        found[row["table_name"]][row["column_name"]] = row["data_type"]
    problems = [problem for source in sources for problem in _problems(source, found[source.snowflake_table.upper()])]
    if missing := [source.snowflake_table for source in sources if not found[source.snowflake_table.upper()]]:
        hint = "check SNOWFLAKE_DATABASE, SNOWFLAKE_SCHEMA and what SNOWFLAKE_ROLE may read"
        problems.insert(0, f"there is no table {', '.join(missing)}: {hint}")
    if problems:
        settings = snowflake.settings
        raise RunnerError(f"Snowflake ({settings.database}.{settings.schema_}): {'; '.join(problems)}")
    for source in sources:
        declared = {column.snowflake_name.upper() for column in source.columns}
        if added := sorted(found[source.snowflake_table.upper()].keys() - declared):
            warn(f"{source.snowflake_table} has columns that models/staging/_sources.yml lacks: {', '.join(added)}")


def _problems(source: Source, found: dict[str, str]) -> list[str]:
    problems = []
    for column in source.columns if found else ():
        what, given = f"{source.snowflake_table}.{column.snowflake_name}", found.get(column.snowflake_name.upper())
        if given is None:
            problems.append(f"{what} is missing: compare the table with models/staging/_sources.yml")
        elif given not in READABLE[column.kind]:
            problems.append(f"{what} has become {given}, of which no {column.kind} can be made: adapt its declaration")
    return problems
