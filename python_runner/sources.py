"""The sources, as declared in the dbt project. The declaration alone defines what is loaded and how."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from python_runner.errors import RunnerError, UsageError
from python_runner.project import DECLARATION

Kind = Literal["text", "bigint", "integer", "boolean", "numeric", "timestamptz"]


class Column(BaseModel):
    """One loaded column; the declaration explains the fields in its header."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    data_type: str
    origin: str = Field("", alias="from")
    required: bool = False
    minimum: float | None = None
    lowercase: bool = False
    unusable: Literal["reject", "null"] = "reject"

    @property
    def kind(self) -> Kind:
        """The type without its precision."""
        return re.sub(r"\(.*", "", self.data_type)  # type: ignore[return-value]

    @property
    def scale(self) -> int:
        """Digits after the point of a numeric(p, s)."""
        match = re.search(r",\s*(\d+)\)", self.data_type)
        return int(match[1]) if match else 0

    @property
    def snowflake_name(self) -> str:
        """The name of the column in Snowflake."""
        return self.origin or self.name


class PartitionBy(BaseModel):
    """How the raw table is partitioned: see create_partitions in macros/tuning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by_range: str | None = Field(None, alias="range")
    by_hash: str | None = Field(None, alias="hash")
    by_list: str | None = Field(None, alias="list")
    interval: str | PositiveInt = "month"
    ahead: PositiveInt = 3
    partitions: PositiveInt = 8
    values: list[Any] = []

    @property
    def columns(self) -> dict[str, str]:
        """The partition columns by kind. A valid declaration has one."""
        kinds = {"range": self.by_range, "hash": self.by_hash, "list": self.by_list}
        return {kind: column for kind, column in kinds.items() if column}


class Source(BaseModel):
    """One loaded table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    snowflake_table: str
    key: str
    include: list[str] = []
    incremental: Literal["cursor", "new_keys", "whole"]
    cursor: str | None = None
    overlap_minutes: int = 60
    referenced_by: str | None = None
    reject_limit: float = Field(0.01, ge=0, le=1)
    indexes: list[dict[str, Any]] = Field(default=[], description="Used by the dbt macros only.")
    partition_by: PartitionBy | None = None
    columns: tuple[Column, ...]

    @model_validator(mode="after")
    def _partitioned_by_its_key(self) -> Source:
        if self.partition_by and list(self.partition_by.columns.values()) != [self.key]:
            named = ", ".join(f"{kind} {column}" for kind, column in self.partition_by.columns.items()) or "nothing"
            raise ValueError(
                f"{self.name} declares partition_by {named}: rows are upserted by the key {self.key}, and PostgreSQL"
                f" requires it to contain the partition column: set {self.key} as one of range, hash, list"
            )
        return self

    @property
    def key_column(self) -> Column:
        """The primary key."""
        return self.column(self.key)

    @property
    def column_names(self) -> list[str]:
        """The column names of the raw table, in order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]


def read_sources(declaration: Path = DECLARATION) -> dict[str, Source]:
    """The declared sources by name, in load order. RunnerError names what is wrong."""
    try:
        tables = next(s for s in yaml.safe_load(declaration.read_text())["sources"] if s["name"] == "raw")["tables"]
        return {table["name"]: _source(table) for table in tables}
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunnerError(f"{declaration.name}: {error.title}: {where}: {first['msg']}") from error
    except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
        raise RunnerError(f"{declaration.name} declares no sources that can be read: {error}") from error


def select_sources(sources: dict[str, Source], name: str | None) -> list[Source]:
    """The named source, or all sources if no name is given. UsageError lists the valid names."""
    if name is None:
        return list(sources.values())
    if name not in sources:
        raise UsageError(f"no source is named {name!r}: choose one of {', '.join(sources)}")
    return [sources[name]]


def _source(table: dict[str, Any]) -> Source:
    meta = table["config"]["meta"]
    key = meta["key"]
    columns: Any = [
        {"name": column["name"], "data_type": column["data_type"], "required": column["name"] == key}
        | column.get("config", {}).get("meta", {})
        for column in table["columns"]
    ]
    return Source(name=table["name"], columns=columns, **meta)
