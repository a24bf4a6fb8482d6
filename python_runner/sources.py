"""The sources, as declared in the dbt project. The declaration alone defines what is loaded and how."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator, model_validator

from python_runner import data_types
from python_runner.data_types import DataType, Kind
from python_runner.errors import RunnerError, UsageError
from python_runner.project import DECLARATION

# Two such texts fit into an entry of a B-tree index, whatever they contain, and also in upper case.
MAX_BYTES = 1_000
INDEX_ENTRY_BYTES = 2_704
WIDEST_NUMERIC = 420
KEY_KINDS = ("text", "smallint", "integer", "bigint")


class Column(BaseModel):
    """One loaded column; the declaration explains the fields in its header."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    data_type: str
    origin: str = Field("", alias="from")
    required: bool = False
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    lowercase: bool = False
    max_bytes: int = Field(MAX_BYTES, ge=1, le=10_000_000)
    shorten: bool = False
    unusable: Literal["reject", "null"] = "reject"

    @field_validator("data_type")
    @classmethod
    def _is_supported(cls, written: str) -> str:
        data_types.parse(written)
        return written

    @model_validator(mode="after")
    def _fits_its_type(self) -> Column:
        declared = self.model_fields_set
        for_text, for_numbers = {"lowercase", "max_bytes", "shorten"}, {"minimum", "maximum"}
        applying = for_text if self.kind == "text" else for_numbers if self.kind in data_types.NUMBERS else set()
        if wrong := (declared & (for_text | for_numbers)) - applying:
            raise ValueError(f"{', '.join(sorted(wrong))} does not apply to type {self.data_type}: remove it")
        for bound in (self.minimum, self.maximum):
            if bound is not None and not self.type.contains(bound):
                raise ValueError(f"the bound {bound} is not a value of type {self.data_type}: change one of them")
        return self

    @property
    def type(self) -> DataType:
        """The declared type."""
        return data_types.parse(self.data_type)

    @property
    def kind(self) -> Kind:
        """The type without its sizes."""
        return self.type.kind

    @property
    def snowflake_name(self) -> str:
        """The name of the column in Snowflake."""
        return self.origin or self.name

    @property
    def index_bytes(self) -> int:
        """What a value takes at most in an index entry."""
        if self.kind == "text":
            return min(self.max_bytes, 4 * (self.type.length or self.max_bytes)) + 8
        return WIDEST_NUMERIC if self.kind == "numeric" else 16


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
    delete_limit: float = Field(0.1, ge=0, le=1)
    indexes: list[dict[str, Any]] = Field(default=[], description="Used by the dbt macros only.")
    maintenance: dict[str, float] = Field(default={}, description="Used by the dbt macros only.")
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

    @model_validator(mode="after")
    def _names_its_columns(self) -> Source:
        if unknown := {self.key, *self.include, self.cursor or self.key} - set(self.column_names):
            raise ValueError(f"{', '.join(sorted(unknown))} is not among the columns: declare it, or remove it")
        if self.key_column.kind not in KEY_KINDS:
            raise ValueError(f"the key {self.key} is a {self.key_column.kind}: use one of {', '.join(KEY_KINDS)}")
        if self.cursor and self.column(self.cursor).kind != "timestamptz":
            raise ValueError(f"the cursor {self.cursor} is a {self.column(self.cursor).kind}: use a timestamptz")
        return self

    @model_validator(mode="after")
    def _fits_its_indexes(self) -> Source:
        indexes = [[self.key, *self.include]]
        indexes += [[*i.get("columns", ()), *i.get("include", ())] for i in self.indexes if "served_by" not in i]
        for index in indexes:
            named = set(re.findall(r"\w+", " ".join(map(str, index))))
            widest = 16 + sum(column.index_bytes for column in self.columns if column.name in named)
            if widest > INDEX_ENTRY_BYTES:
                raise ValueError(
                    f"the index on {', '.join(map(str, index))} can have entries of {widest:,} bytes, and PostgreSQL"
                    f" allows {INDEX_ENTRY_BYTES:,}: declare a lower max_bytes"
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
        return {table["name"]: _source(table, declaration) for table in tables}
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise RunnerError(
            f"{declaration.name} declares no sources that can be read: {' '.join(str(error).split())}"
        ) from error


def select_sources(sources: dict[str, Source], name: str | None) -> list[Source]:
    """The named source, or all sources if no name is given. UsageError lists the valid names."""
    if name is None:
        return list(sources.values())
    if name not in sources:
        raise UsageError(f"no source is named {name!r}: choose one of {', '.join(sources)}")
    return [sources[name]]


def _source(table: dict[str, Any], declaration: Path) -> Source:
    meta = table["config"]["meta"]
    key = meta["key"]
    columns: list[dict[str, Any]] = [
        {"name": column["name"], "data_type": column.get("data_type"), "required": column["name"] == key}
        | column.get("config", {}).get("meta", {})
        for column in table["columns"]
    ]
    try:
        return Source(**(meta | {"name": table["name"], "columns": columns}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = [str(part) for part in first["loc"]]
        if where[:1] == ["columns"] and len(where) > 1:
            where[:2] = [columns[int(where[1])]["name"]]
        message = first["msg"].removeprefix("Value error, ")
        raise RunnerError(f"{declaration.name}: {'.'.join([table['name'], *where])}: {message}") from error
