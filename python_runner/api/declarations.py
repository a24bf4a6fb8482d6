"""The endpoints, as the exposures declare them, with the types of the tables' contracts."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from python_runner.api.sql import MARK, Statement, render
from python_runner.errors import RunnerError
from python_runner.postgres.raw_schema import RAW
from python_runner.project import PROJECT

MODELS = PROJECT / "models"
EXPOSURES = MODELS / "exposures.yml"
MAX_TEXT = 200
BIGINT = 2**63 - 1


class Refused(Exception):  # noqa: N818
    """A parameter that is not accepted: its name, and why."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter


class Parameter(BaseModel):
    """A parameter of an endpoint. One without a default is required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["text", "integer"]
    default: str | int | None = None
    values: tuple[str, ...] = ()
    minimum: int = -BIGINT
    maximum: int = BIGINT
    lowercase: bool = False

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return "default" not in self.model_fields_set

    def read(self, name: str, given: str) -> str | int:
        """The value of what was given; Refused says what is wrong."""
        if self.type == "integer":
            if not re.fullmatch(r"-?[0-9]{1,19}", given):
                raise Refused(name, "is no integer")
            if not self.minimum <= int(given) <= self.maximum:
                raise Refused(name, f"is not between {self.minimum} and {self.maximum}")
            return int(given)
        if len(given) > MAX_TEXT:
            raise Refused(name, f"is longer than {MAX_TEXT} characters")
        if not given or re.search("[\0\ud800-\udfff]", given):
            raise Refused(name, "is empty, or has a character that no text has")
        if self.values and given not in self.values:
            raise Refused(name, f"is not one of {', '.join(self.values)}")
        return given.lower() if self.lowercase else given


class Key(BaseModel):
    """The parameter that names what an answer shows, and the changelog that names what changed, in this column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameter: str
    log: str
    column: str


class Endpoint(BaseModel):
    """An endpoint: its path under /v1, the file that answers it and the shape of the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exposure: str
    description: str
    path: str = Field(pattern=r"^/[a-z/{}_]+$")
    sql: str
    ttl: int = Field(gt=0)
    answer: Literal["object", "list", "page"]
    items: str = ""
    next: str = ""
    unknown: bool = Field(False, description="an empty first page is a 404")
    key: Key | None = None
    while_missing: str | None = None
    parameters: dict[str, Parameter] = {}
    schema_: str

    @model_validator(mode="after")
    def _is_complete(self) -> Endpoint:
        if (self.answer == "page") != bool(self.items and self.next):
            raise ValueError(f"{self.path}: a page, and nothing else, names its items and the column that pages on")
        if missing := set(re.findall(r"\{(\w+)\}", self.path)) - set(self.parameters):
            raise ValueError(f"{self.path}: declare the parameter {', '.join(sorted(missing))}")
        asked = set(re.findall(f"{MARK}(\\w+){MARK}", self.statement.text))
        if asked != set(self.parameters):
            raise ValueError(f"{self.path}: {self.sql}.sql asks for {sorted(asked)}: declare these parameters")
        return self

    @cached_property
    def statement(self) -> Statement:
        """The file that answers."""
        return render(self.sql, self.schema_)

    @property
    def columns(self) -> list[str]:
        """The columns of the last SELECT of the file."""
        last = re.split(r"^select\b", self.statement.text, flags=re.MULTILINE)[-1]
        return re.findall(r"^    (?:\w+\.)?(\w+),?$", re.split(r"^from\b", last, flags=re.MULTILINE)[0], re.MULTILINE)

    @property
    def comment(self) -> str:
        """What the first lines of the file say."""
        comment = self.statement.text.split("\n\n")[0]
        return " ".join(line.removeprefix("-- ") for line in comment.splitlines() if not line.startswith("-- plan:"))

    @property
    def build_command(self) -> str:
        """The command that builds what the file reads."""
        models = [f"+{name.split('.', 1)[1]}" for name in self.statement.relations if not name.startswith(f"{RAW}.")]
        return f"runner dbt build --select {' '.join(models)}" if models else "runner load"

    def read(self, path: dict[str, str], query: list[tuple[str, str]]) -> dict[str, Any]:
        """The values of all parameters; Refused names the first that is wrong."""
        given: dict[str, str] = dict(path)
        for name, value in query:
            if name not in self.parameters:
                raise Refused(name, f"is no parameter of {self.path}")
            if name in given:
                raise Refused(name, "is given twice")
            given[name] = value
        values: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if name in given:
                values[name] = parameter.read(name, given[name])
            elif parameter.required:
                raise Refused(name, "is required")
            else:
                values[name] = parameter.default
        return values


def read_endpoints(schema: str) -> list[Endpoint]:
    """The declared endpoints. RunnerError names what is wrong."""
    try:
        return [
            Endpoint(**declared, exposure=exposure["label"], description=exposure["description"], schema_=schema)
            for exposure in yaml.safe_load(EXPOSURES.read_text())["exposures"]
            for declared in exposure.get("config", {}).get("meta", {}).get("endpoints", [])
        ]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RunnerError(f"{EXPOSURES.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def read_contracts() -> dict[str, dict[str, dict[str, Any]]]:
    """The declared columns by table: of the models by name, of the sources as `source.table`."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(MODELS.rglob("*.yml")):
        declared = yaml.safe_load(path.read_text())
        for model in declared.get("models", []):
            found[model["name"]] = {column["name"]: column for column in model.get("columns", [])}
        for source in declared.get("sources", []):
            for table in source["tables"]:
                names = {column["name"]: column for column in table.get("columns", [])}
                found[f"{source['name']}.{table['name']}"] = names
    return found
