"""Compares the tables in Snowflake with the declaration, in one statement, before a load fetches anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from python_runner.data_types import Kind
from python_runner.errors import RunnerError
from python_runner.sources import Source

if TYPE_CHECKING:  # importing the connector takes a second
    from python_runner.snowflake.client import Snowflake

NUMBERS = {"NUMBER", "FLOAT", "TEXT"}
TIMES = {"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"}
# The Snowflake types (information_schema.columns.data_type) that are converted to each kind.
READABLE: dict[Kind, set[str]] = {
    "text": {"TEXT", "NUMBER"},
    "smallint": NUMBERS,
    "integer": NUMBERS,
    "bigint": NUMBERS,
    "numeric": NUMBERS,
    "real": NUMBERS,
    "double precision": NUMBERS,
    "boolean": {"BOOLEAN", "TEXT"},
    "date": {"DATE"},
    "timestamp": TIMES,
    "timestamptz": TIMES,
}
COLUMNS = """
select upper(table_name) as table_name, upper(column_name) as column_name, data_type
from information_schema.columns
where table_schema = %(schema)s
"""


def check_columns(snowflake: Snowflake, sources: list[Source], warn: Callable[[str], None]) -> None:
    """RunnerError names each declared column that is missing or of an unsupported type. Added columns are a warning."""
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
            problems.append(f"{what} has type {given}, which cannot become {column.kind}: change its declaration")
    return problems
