"""The OpenAPI document, made of the declared endpoints and the tables' contracts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from python_runner import __version__
from python_runner.api.declarations import MAX_TEXT, Endpoint, Parameter, read_contracts
from python_runner.errors import RunnerError

Schema = dict[str, Any]

TYPES: dict[str, Schema] = {
    "bigint": {"type": "integer"},
    "integer": {"type": "integer"},
    "smallint": {"type": "integer"},
    "numeric": {"type": "number"},
    "boolean": {"type": "boolean"},
    "text": {"type": "string"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "jsonb": {"type": "array", "items": {}},
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "parameter": {"type": "string"}, "run": {"type": "string"}},
}
ERRORS = {
    "404": "Nothing is known of it.",
    "422": "A parameter is not accepted; `parameter` names it.",
    "503": "No server can answer now, or a table is missing; `run` then says which command builds it.",
}


def document(endpoints: Sequence[Endpoint], prefix: str) -> Schema:
    """The document."""
    contracts = read_contracts()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Collectibles snapshots", "version": __version__},
        "paths": {prefix + endpoint.path: {"get": _operation(endpoint, contracts)} for endpoint in endpoints},
        "components": {"schemas": {"Error": ERROR}},
    }


def _operation(endpoint: Endpoint, contracts: dict[str, dict[str, Any]]) -> Schema:
    comment = endpoint.comment
    content = {"application/json": {"schema": _answer(endpoint, contracts)}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses: Schema = {"200": {"description": comment, "content": content}}
    responses |= {"304": {"description": "The answer is that of the ETag in If-None-Match."}}
    responses |= {status: {"description": text, "content": error} for status, text in ERRORS.items()}
    return {
        "operationId": endpoint.sql,
        "tags": [endpoint.exposure],
        "summary": comment,
        "parameters": [_parameter(endpoint, name, one) for name, one in endpoint.parameters.items()],
        "responses": responses,
    }


def _parameter(endpoint: Endpoint, name: str, parameter: Parameter) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, "pattern": r"^[^\u0000]+$"}
    if parameter.type == "integer":
        schema = {"type": "integer", "minimum": parameter.minimum, "maximum": parameter.maximum}
    if parameter.values:
        schema = {"type": "string", "enum": list(parameter.values)}
    if parameter.default is not None:
        schema["default"] = parameter.default
    place = "path" if f"{{{name}}}" in endpoint.path else "query"
    return {"name": name, "in": place, "required": place == "path" or parameter.required, "schema": schema}


def _answer(endpoint: Endpoint, contracts: dict[str, dict[str, Any]]) -> Schema:
    columns = {name: _column(endpoint, name, contracts) for name in endpoint.columns}
    row: Schema = {"type": "object", "required": list(columns), "properties": columns}
    if endpoint.while_missing:
        live = {"type": "boolean", "description": "True while the table is missing; some columns are then left out."}
        row = {"type": "object", "required": ["wallet_address"], "properties": columns | {"live": live}}
    if endpoint.answer == "object":
        return row
    rows = {"type": "array", "items": row}
    if endpoint.answer == "list":
        return rows
    after = columns[endpoint.next]
    pages_on = {"type": [*_types(after), "null"], "description": "`after` of the next page; null on the last one"}
    return {
        "type": "object",
        "required": [endpoint.items, "next"],
        "properties": {endpoint.items: rows, "next": pages_on},
    }


def _column(endpoint: Endpoint, name: str, contracts: dict[str, dict[str, Any]]) -> Schema:
    for relation in endpoint.statement.relations:
        table = contracts.get(relation) or contracts.get(relation.split(".", 1)[1], {})
        if name in table:
            column = table[name]
            schema = dict(TYPES[re.sub(r"\(.*\)", "", column["data_type"])])
            if not any(constraint["type"] == "not_null" for constraint in column.get("constraints", [])):
                schema["type"] = [*_types(schema), "null"]
            described = column.get("description", "")
            return schema if "{{" in described else schema | {"description": described}
    raise RunnerError(f"{endpoint.sql}.sql: no table that it reads has a column {name}: name it as the contract does")


def _types(schema: Schema) -> list[str]:
    kind = schema["type"]
    return [one for one in (kind if isinstance(kind, list) else [kind]) if one != "null"]
