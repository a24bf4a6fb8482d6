"""The target of a run, as sqlfluff needs it to render the models: it is Postgres."""

from __future__ import annotations

type = "postgres"  # noqa: A001  the attribute that models ask for
