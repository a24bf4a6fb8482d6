"""The files of analyses/site as statements with bound parameters.

Each is rendered by a Jinja environment that knows `ref`, `source` and `bound`, and nothing else of dbt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError
from psycopg.sql import Identifier

from python_runner.errors import RunnerError
from python_runner.project import PROJECT

SITE = PROJECT / "analyses" / "site"
MARK = "\x00"  # is in no file, and delimits a parameter until percent signs are doubled


@dataclass(frozen=True)
class Statement:
    """A file's SELECT, and the relations that it reads, as `schema.table`."""

    text: str
    relations: tuple[str, ...]


def render(
    name: str,
    schema: str,
    bound: Callable[[str, Any], str] = lambda name, _: f"{MARK}{name}{MARK}",
    quote: Callable[[str, str], str] = lambda schema, table: Identifier(schema, table).as_string(),
) -> Statement:
    """Render a file. RunnerError if it uses anything but ref, source and bound."""
    read: list[str] = []

    def relation(schema: str, table: str) -> str:
        read.append(f"{schema}.{table}")
        return quote(schema, table)

    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701  SQL is no HTML
    environment.globals = {"source": relation, "ref": lambda table: relation(schema, table), "bound": bound}
    path = SITE / f"{name}.sql"
    try:
        text = environment.from_string(path.read_text()).render()
    except (OSError, TemplateError) as error:
        raise RunnerError(f"{path.name} cannot be rendered: {error}: use ref, source and bound only") from error
    return Statement(text, tuple(dict.fromkeys(read)))


def placeholders(text: str) -> str:
    """The text with its marks as the driver's named parameters."""
    doubled = text.replace("%", "%%").split(MARK)
    return "".join(f"%({part})s" if at % 2 else part for at, part in enumerate(doubled))
