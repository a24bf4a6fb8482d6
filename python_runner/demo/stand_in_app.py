"""The server of fakesnow with the fixes that the runner needs. Patches of its SQL are in stand_in_sql, others here."""

from __future__ import annotations

import gzip
import hmac
import importlib
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.instance import FakeSnow
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from python_runner.demo import stand_in_sql

# The package has a function of this name, which hides the module.
server: Any = importlib.import_module("fakesnow.server")
arrow: Any = importlib.import_module("fakesnow.arrow")


def application(data: Path) -> Starlette:
    """Create the server application for the DuckDB files of a folder."""
    stand_in_sql.accept()
    served = FakeSnow(db_path=data)
    served.results_cache = _NoResultsCache()
    served.duck_conn.execute("set memory_limit = '3GB'")
    databases = sorted(data.glob("*.db"))
    for file in databases:
        served.connect(file.stem)
        # DuckDB cannot replay fakesnow's macros from its WAL after the server was killed.
        served.duck_conn.execute(f'checkpoint "{file.stem}"')
    # An unknown database or schema is an error in Snowflake; fakesnow would create it.
    served.create_database_on_connect = False
    served.create_schema_on_connect = False
    server.shared_fs = served
    server.to_ipc = _to_ipc
    arrow.timestamp_to_sf_struct = _to_sf_timestamps
    server.logger.setLevel(logging.WARNING)
    login = Route("/session/v1/login-request", _login, methods=["POST"])
    routes = [login, *(route for route in server.routes if route.path != login.path)]

    @asynccontextmanager
    async def closing(_: Starlette) -> AsyncIterator[None]:
        yield
        for file in databases:
            served.duck_conn.execute(f'force checkpoint "{file.stem}"')

    return Starlette(routes=routes, lifespan=closing)


class _NoResultsCache(dict[str, Any]):
    """Discards results. fakesnow keeps each result for RESULT_SCAN, which a load of millions of rows cannot afford."""

    def __setitem__(self, key: str, value: object) -> None:
        """Discard the result."""


async def _login(request: Request) -> Response:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    if _credentials_match(json.loads(body)["data"]):
        accepted: Response = await server.login_request(request)
        return accepted
    message = "Incorrect username or password was specified."
    return JSONResponse({"data": {}, "code": "390100", "message": message, "success": False})


def _credentials_match(data: dict[str, Any]) -> bool:
    """Whether the password is right, or the token or key matches the one in the environment."""
    token, user = str(data.get("TOKEN", "")), os.environ["STAND_IN_USER"]
    match data.get("AUTHENTICATOR"):
        case "OAUTH":
            return hmac.compare_digest(token.encode(), os.environ.get("STAND_IN_TOKEN", "\0").encode())
        case "SNOWFLAKE_JWT":
            try:
                claims = jwt.decode(token, os.environ.get("STAND_IN_PUBLIC_KEY", ""), algorithms=["RS256"])
            except (jwt.InvalidTokenError, ValueError):
                return False
            return f".{user}." in f"{claims['sub']}.".lower()
    given = f"{data.get('LOGIN_NAME', '')}:{data.get('PASSWORD', '')}"
    return hmac.compare_digest(given.encode(), f"{user}:{os.environ['STAND_IN_PASSWORD']}".encode())


def _to_sf_timestamps(column: Any) -> Any:
    """Convert timestamps to the struct that the connector expects. The function of fakesnow loses NULLs."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    zone = column.type.tz
    micros = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    # Integer division rounds towards zero, but the fraction must not be negative before 1970.
    epoch = pc.divide(micros, 1_000_000)
    epoch = pc.if_else(pc.less(micros, pc.multiply(epoch, 1_000_000)), pc.subtract(epoch, 1), epoch)
    fraction = pc.multiply(pc.subtract(micros, pc.multiply(epoch, 1_000_000)), 1000)
    children = {"epoch": epoch, "fraction": fraction.cast(pa.int32())}
    if zone:
        children["timezone"] = pa.array([1440] * len(column), type=pa.int32())
    return pa.StructArray.from_arrays(
        [pc.fill_null(child, 0) for child in children.values()],
        fields=[pa.field(name, child.type, nullable=False) for name, child in children.items()],
        mask=pc.is_null(column),
    )


def _to_ipc(table: pa.Table) -> pa.Buffer:
    """Write any number of batches, including none. The function of fakesnow accepts exactly one."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()
