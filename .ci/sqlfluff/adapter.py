"""dbt's adapter as sqlfluff needs it to render the models: a dispatched macro is the one for Postgres."""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str, _package: str = "") -> Any:
    """The implementation of a macro, called without the package that it is of."""
    return context.get(f"postgres__{name}") or context[f"default__{name}"]
