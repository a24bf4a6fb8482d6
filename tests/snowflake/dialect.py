"""What Snowflake rejects, and a stand-in on DuckDB may accept."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import Expr, exp
from sqlglot.errors import SqlglotError

# Functions and types of https://docs.snowflake.com/en/sql-reference that this project uses; look a new one up there.
FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        """
        abs array_agg bit_length cast coalesce count date_part dateadd flatten floor left lower max min nullif
        regexp_like round row_number sum to_date to_json to_varchar translate
        trim try_cast try_to_boolean try_to_number upper
        """,
    )
)
TYPES = frozenset(
    re.findall(
        r"\w+",
        """
        bigint boolean date double float int integer number numeric text timestamp_ntz timestamptz varchar variant
        """,
    )
)
OPERATORS = frozenset(["~", "!~", "#>", "#>>", "@>", "<@", "->", "->>"])
STATEMENTS = re.compile(
    r"\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*(select|with|create|merge|insert|delete|update|\()", re.IGNORECASE | re.DOTALL
)

linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake"}))


def rejected(sql: str) -> list[str]:
    """Why Snowflake would refuse the statement: nothing, if it reads it."""
    try:
        tree = sqlglot.parse_one(sql, dialect="snowflake")
    except SqlglotError as error:
        return [f"sqlglot: {str(error).splitlines()[0]}"]
    if not STATEMENTS.match(sql):
        return []
    return [*_by_sqlfluff(sql), *_by_token(sql), *_by_tree(tree)]


def _by_sqlfluff(sql: str) -> Iterator[str]:
    known = re.sub(r"\btimestamptz\b", "timestamp_tz", sql.strip().rstrip(";"))  # an alias that sqlfluff lacks
    for violation in linter.parse_string(f"{known}\n").violations:
        yield f"sqlfluff: {violation.desc()}"


def _by_token(sql: str) -> Iterator[str]:
    tokens = sqlglot.tokenize(sql, dialect="snowflake")
    around = [tokens[0], *tokens, tokens[-1]]
    for before, token, after in zip(around, tokens, around[2:], strict=False):
        called = after.token_type.name == "L_PAREN" and after.start == token.end + 1 and token.text.isidentifier()
        if before.token_type.name == "DCOLON" and token.text.lower() not in TYPES:
            yield f"{token.text} is no type of Snowflake"
        elif called and before.token_type.name != "DCOLON" and token.text.lower() not in FUNCTIONS | TYPES:
            yield f"{token.text} is no function of Snowflake that is known here"
        elif token.text in OPERATORS and token.token_type.name != "STRING":
            yield f"{token.text} is no operator of Snowflake"


def _by_tree(tree: Expr) -> Iterator[str]:
    if any(distinct.args.get("on") for distinct in tree.find_all(exp.Distinct)):
        yield "distinct on"
    if any(lateral.find(exp.Select) for lateral in tree.find_all(exp.Lateral)):
        yield "lateral subquery"
    for subquery in tree.find_all(exp.Subquery):
        if (
            subquery.find(exp.Limit)
            and subquery.find_ancestor(exp.Select)
            and not subquery.find_ancestor(exp.From, exp.Join)
        ):
            yield "scalar subquery with limit"
    if tree.find(exp.Array):
        yield "array literal"
    for collation in tree.find_all(exp.Collate):
        if not isinstance(collation.expression, exp.Literal):
            yield "collation that is no string"
    for select in tree.find_all(exp.Select):
        yield from _shadowed(select)


def _shadowed(select: exp.Select) -> Iterator[str]:
    """An aggregate over a name that is also the alias of an aggregate: Snowflake may take the alias, and nests them."""
    totals = {alias.alias for alias in select.selects if isinstance(alias, exp.Alias) and alias.find(exp.AggFunc)}
    for clause in filter(None, (select.args.get("having"), select.args.get("qualify"))):
        for total in clause.find_all(exp.AggFunc):
            for column in total.find_all(exp.Column):
                if column.name in totals and not column.table:
                    yield f"{column.name} in {clause.key} is a column and the alias of an aggregate"
