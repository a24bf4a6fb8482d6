"""The server of fakesnow with the fixes that the runner needs. Patches of its SQL are in stand_in_sql, others here."""

from __future__ import annotations

import asyncio
import hmac
import importlib
import json
import logging
import os
import shutil
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
from python_runner.demo.stand_in_queries import Queries, read_body
from python_runner.demo.stand_in_results import ROW_GROUP, Spooled, Spooling

# The package has a function of this name, which hides the module.
server: Any = importlib.import_module("fakesnow.server")
arrow: Any = importlib.import_module("fakesnow.arrow")


def application(data: Path, chunk_rows: int = ROW_GROUP) -> Starlette:
    """Create the server application for the DuckDB files of a folder."""
    stand_in_sql.accept()
    served = _Served(data, chunk_rows)
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
    server.to_sf = _to_sf
    arrow.timestamp_to_sf_struct = _to_sf_timestamps
    server.logger.setLevel(logging.WARNING)
    queries = Queries(served)
    own = [
        Route("/session/v1/login-request", _login, methods=["POST"]),
        Route("/queries/v1/query-request", queries.request, methods=["POST"]),
        Route("/queries/{query_id}/result", queries.result),
        Route("/monitoring/queries/{query_id}", queries.status),
        Route("/chunks/{query_id}/{number:int}", queries.chunk),
    ]
    paths = {route.path for route in own} | {"/monitoring/queries/{sfqid}"}
    routes = [*own, *(route for route in server.routes if route.path not in paths)]

    @asynccontextmanager
    async def closing(_: Starlette) -> AsyncIterator[None]:
        yield
        for file in databases:
            served.duck_conn.execute(f'force checkpoint "{file.stem}"')
        served.remove_results()

    return Starlette(routes=routes, lifespan=closing)


class _Served(FakeSnow):
    """The databases. Large results are on disk, where `results_cache` would keep each of them in memory."""

    def __init__(self, data: Path, chunk_rows: int) -> None:
        super().__init__(db_path=data)
        self.results_cache = _Spooled()
        self._folder, self._chunk_rows = data / "results", chunk_rows
        self.remove_results()  # of a server that was killed

    def remove_results(self) -> None:
        """Remove the files of all results."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self, database: str | None = None, schema: str | None = None, *more: Any, **options: Any) -> Any:
        """A session, which runs one statement at a time."""
        connection: Any = super().connect(database, schema, *more, **options)
        connection._duck_conn = Spooling(connection._duck_conn, self._folder, self._chunk_rows)  # noqa: SLF001
        connection.lock = asyncio.Lock()
        return connection


class _Spooled(dict[str, Any]):
    """The spooled results that have not been answered yet, by query id."""

    def __setitem__(self, query_id: str, result: tuple[Any, ...]) -> None:
        """Keep it if it is on disk."""
        if isinstance(result[0], Spooled):
            super().__setitem__(query_id, result[0])


async def _login(request: Request) -> Response:
    if _credentials_match(json.loads(await read_body(request))["data"]):
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


def _to_sf(table: pa.Table | Spooled, rowtype: Any) -> pa.Table:
    """What Snowflake sends: of a spooled result only the first rows."""
    if isinstance(table, Spooled):
        table.rowtype = rowtype
        table = table.first
    return arrow.to_sf(table, rowtype)


def _to_ipc(table: pa.Table) -> pa.Buffer:
    """Write any number of batches, including none. The function of fakesnow accepts exactly one."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()
