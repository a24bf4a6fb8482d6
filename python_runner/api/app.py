"""The HTTP side: routes, parameters, status codes and headers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from python_runner.api import openapi, pages
from python_runner.api.declarations import Endpoint, Refused
from python_runner.api.replies import HEADERS, Hits, Reply
from python_runner.api.servers import Missing, Unavailable
from python_runner.api.service import Service
from python_runner.api.site import Site
from python_runner.settings import ApiSettings, PostgresSettings, api_settings, postgres_settings

PREFIX = "/v1"
UNCACHED = HEADERS | {"cache-control": "no-store"}
RETRY_AFTER_S = "1"
UNAVAILABLE = 503


def create_app(
    workers: int = 1, postgres: PostgresSettings | None = None, settings: ApiSettings | None = None
) -> Starlette:
    """The application of one worker."""
    settings = settings or api_settings()
    service = Service(postgres or postgres_settings(), settings, workers=workers)
    document = openapi.document(service.endpoints, PREFIX)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=UNCACHED)

    async def ready(_: Request) -> Response:
        ok = service.known.listening
        return JSONResponse(
            service.known.state(),
            200 if ok else UNAVAILABLE,
            headers=UNCACHED if ok else UNCACHED | {"retry-after": RETRY_AFTER_S},
        )

    async def metrics(_: Request) -> Response:
        return Response(
            service.metrics.text(service.gauges()), media_type="text/plain; version=0.0.4", headers=UNCACHED
        )

    async def described(_: Request) -> Response:
        return JSONResponse(document, headers=HEADERS)

    async def docs(_: Request) -> Response:
        return pages.docs(document)

    routes = [Route(PREFIX + endpoint.path, _handler(service, endpoint)) for endpoint in service.endpoints]
    routes += [Route("/healthz", health), Route("/readyz", ready), Route("/metrics", metrics)]
    routes += [Route("/openapi.json", described), Route("/docs", docs)]
    routes += Site(service, PREFIX).routes()
    middleware = [Middleware(Hits, service=service)]
    if settings.origins:
        cors = Middleware(CORSMiddleware, allow_origins=settings.origins, expose_headers=["etag"], max_age=3600)
        middleware.insert(0, cors)
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=middleware,
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )


def _handler(service: Service, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        begin = perf_counter()
        response = await _respond(service, endpoint, request)
        service.metrics.count(endpoint.path, response.status_code, perf_counter() - begin)
        return response

    return handle


async def _respond(service: Service, endpoint: Endpoint, request: Request) -> Response:
    asked = request.scope["path"], request.scope["query_string"]
    try:
        query = parse_qsl(asked[1].decode(), keep_blank_values=True, errors="strict")
        entry = await service.answer(asked, endpoint, endpoint.read(request.path_params, query))
    except Refused as error:
        return _error(422, str(error), parameter=error.parameter)
    except UnicodeDecodeError:
        return _error(422, "the query is not UTF-8")
    except Missing as error:
        return _error(UNAVAILABLE, str(error), run=error.command)
    except Unavailable as error:
        return _error(UNAVAILABLE, str(error))
    if entry.body is None:
        return _error(404, f"nothing is known of {', '.join(request.path_params.values()) or 'this'}")
    return Reply(entry, request.scope)


def _error(status: int, message: str, **more: str) -> Response:
    headers = UNCACHED | {"retry-after": RETRY_AFTER_S} if status == UNAVAILABLE else UNCACHED
    return JSONResponse({"error": message, **more}, status, headers=headers)


async def _refuse(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, headers=UNCACHED | dict(error.headers or {}))
    return await _fail(_, error)


async def _fail(_: Request, __: Exception) -> Response:
    return _error(500, "the server has failed: its log says why")
