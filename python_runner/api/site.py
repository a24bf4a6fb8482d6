"""The site: a search, a page for each endpoint that shows its answer as a table, and the status."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from python_runner.api import status
from python_runner.api.cache import Entry
from python_runner.api.declarations import Endpoint, Refused
from python_runner.api.pages import page, segment
from python_runner.api.servers import Missing, Unavailable
from python_runner.api.service import Service

TITLE = "Collectibles"


class Site:
    """The pages of a service. They show what its endpoints answer, from the same cache."""

    def __init__(self, service: Service, prefix: str) -> None:
        self._service = service
        self._prefix = prefix
        self._endpoints = {endpoint.path: endpoint for endpoint in service.endpoints}

    def routes(self) -> list[Route]:
        """The routes, those of the endpoints without the prefix of the API."""
        fixed = [Route("/", self.home), Route("/search", self.search), Route("/status", self.status)]
        return fixed + [Route(endpoint.path, self._page_of(endpoint)) for endpoint in self._endpoints.values()]

    async def home(self, _: Request) -> Response:
        """The search, the leaderboards and the first rows of one."""
        top, top_error = await self._read("/leaderboards/moments", limit="10")
        filters, filters_error = await self._read("/filters")
        messages = sorted({top_error, filters_error} - {""})
        return page("home", TITLE, top=top, filters=filters or {}, messages=messages)

    async def search(self, request: Request) -> Response:
        """The wallet of this address, or those whose name begins so."""
        asked = request.query_params.get("q", "").strip()
        wallet, _ = await self._read("/wallets/{address}", address=asked)
        found = f"/wallets/{segment(asked.lower())}" if wallet else f"/wallets?{urlencode({'prefix': asked})}"
        return RedirectResponse(found if asked else "/", 303)

    async def status(self, _: Request) -> Response:
        """What is refreshed, loaded and cached."""
        return page("status", "Status", **await status.read(self._service))

    async def _read(self, path: str, **given: str) -> tuple[Any, str]:
        """What an endpoint answers, and the reason if it does not."""
        endpoint = self._endpoints[path]
        try:
            entry = await self._entry(endpoint, endpoint.read(given, []))
        except (Refused, Missing, Unavailable) as error:
            return None, _reason(error)
        return json.loads(entry.body) if entry.body else None, ""

    async def _entry(self, endpoint: Endpoint, values: dict[str, Any]) -> Entry:
        """What the API answers to the request for these values, which is not the request for the page."""
        asked = {
            name: value for name, value in values.items() if f"{{{name}}}" not in endpoint.path and value is not None
        }
        request = self._prefix + endpoint.path.format_map(values), urlencode(asked).encode()
        return await self._service.answer(request, endpoint, values)

    def _page_of(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            given = dict(request.path_params)
            # A form sends what is not filled in too.
            asked = parse_qsl(request.scope["query_string"].decode("ascii", "replace"))
            code, answer, message = 200, None, ""
            values: dict[str, Any] = dict.fromkeys(endpoint.parameters) | given | dict(asked)
            try:
                values = endpoint.read(given, asked)
                entry = await self._entry(endpoint, values)
                answer = json.loads(entry.body) if entry.body else None
                if answer is None:
                    code, message = 404, f"Nothing is known of {', '.join(given.values())}."
            except (Refused, Missing, Unavailable) as error:
                code, message = 422 if isinstance(error, Refused) else 503, _reason(error)
            return await self._show(endpoint, values, answer=answer, code=code, message=message)

        return handle

    async def _show(
        self, endpoint: Endpoint, values: dict[str, Any], *, answer: Any, code: int, message: str
    ) -> Response:
        here = endpoint.path.format_map({name: segment(value) for name, value in values.items()})
        inputs = {name: one for name, one in endpoint.parameters.items() if f"{{{name}}}" not in endpoint.path}
        filters, _ = await self._read("/filters") if inputs else ({}, "")
        shown = ", ".join(str(value) for name, value in values.items() if name not in inputs)
        given = {name: value for name, value in values.items() if name in inputs and value is not None}
        links = {
            name.rsplit("/", 1)[1]: here + name.removeprefix(endpoint.path)
            for name in self._endpoints
            if name.startswith(f"{endpoint.path}/") and name.count("{") == endpoint.path.count("{")
        }
        if endpoint.answer == "page" and answer and answer["next"] is not None:
            links["Next page"] = f"{here}?{urlencode(given | {'after': answer['next']})}"
        return page(
            "answer",
            f"{endpoint.comment.split(':')[0]}{': ' * bool(shown)}{shown}",
            code,
            endpoint=endpoint,
            address=here,
            inputs={name: one for name, one in inputs.items() if name not in {"after", "limit"}},
            given=values,
            filters=filters or {},
            answer=answer,
            message=message,
            links_on=links,
            json=self._prefix + here + (f"?{urlencode(given)}" if given else ""),
        )


def _reason(error: Refused | Missing | Unavailable) -> str:
    return f"{error}: run `{error.command}`" if isinstance(error, Missing) else str(error)
