"""The published tables that are computed on Snowflake and travel from there, described like sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from python_runner.errors import RunnerError
from python_runner.project import PROJECT
from python_runner.sources import Source

MARTS = PROJECT / "models" / "marts"
NOT_TRANSFERRED = "jsonb"  # a view over another published table, which Postgres refreshes itself


def read_marts(folder: Path = MARTS) -> list[Source]:
    """The tables with their columns, by the yml beside each model; the key is a column that is never NULL.

    RunnerError names what is wrong.
    """
    models = [model for path in sorted(folder.rglob("*.yml")) for model in _models(path)]
    return [_table(model) for model in models if NOT_TRANSFERRED not in {c.get("data_type") for c in model["columns"]}]


def _models(path: Path) -> list[dict[str, Any]]:
    try:
        return list(yaml.safe_load(path.read_text())["models"])
    except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
        raise RunnerError(
            f"{path.name} describes no models that can be read: {' '.join(str(error).split())}"
        ) from error


def _table(model: dict[str, Any]) -> Source:
    name = model["name"]
    columns = [
        {
            "name": column["name"],
            "data_type": column.get("data_type"),
            "required": any(constraint["type"] == "not_null" for constraint in column.get("constraints", ())),
        }
        for column in model["columns"]
    ]
    key = next((column["name"] for column in columns if column["required"]), None)
    if key is None:
        raise RunnerError(
            f"{name} has no column with the constraint not_null: declare it on the columns of the unique key"
        )
    try:
        return Source(name=name, snowflake_table=name.upper(), key=key, incremental="whole", columns=columns)  # type: ignore[arg-type,call-arg]
    except ValidationError as error:
        raise RunnerError(
            f"{name} cannot travel from Snowflake: {error.errors(include_url=False)[0]['msg']}"
        ) from error
