"""The application of one process: the endpoints, and beside them health, metrics, documents and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from python_runner.api import openapi, pages
from python_runner.api.answers import FAILED, HEADERS, NO_STORE, RETRY_AFTER, UNAVAILABLE, Answers, refusal
from python_runner.api.service import Service
from python_runner.api.site import Site
from python_runner.settings import ApiSettings, PostgresSettings, api_settings, postgres_settings

PREFIX = "/v1"


def create_app(
    workers: int = 1, postgres: PostgresSettings | None = None, settings: ApiSettings | None = None
) -> ASGIApp:
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
        return JSONResponse({"status": "ok"}, headers=NO_STORE)

    async def ready(_: Request) -> Response:
        if service.known.listening:
            return JSONResponse(service.known.state(), headers=NO_STORE)
        return JSONResponse(service.known.state(), UNAVAILABLE, headers=NO_STORE | RETRY_AFTER)

    async def metrics(_: Request) -> Response:
        text = service.metrics.text(service.gauges())
        return Response(text, media_type="text/plain; version=0.0.4", headers=NO_STORE)

    async def described(_: Request) -> Response:
        return JSONResponse(document, headers=HEADERS)

    async def docs(_: Request) -> Response:
        return pages.docs(document)

    routes = [Route("/healthz", health), Route("/readyz", ready), Route("/metrics", metrics)]
    routes += [Route("/openapi.json", described), Route("/docs", docs)]
    routes += Site(service, PREFIX).routes()
    others = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refuse, Exception: _fail})
    app: ASGIApp = Answers(others, service, PREFIX)
    if settings.origins:
        app = CORSMiddleware(app, allow_origins=settings.origins, expose_headers=["etag"], max_age=3600)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _fail(request, error)
    refused = refusal(error.status_code, error.detail)
    refused.headers.update(error.headers or {})
    return refused


async def _fail(_: Request, __: Exception) -> Response:
    return refusal(500, FAILED)
