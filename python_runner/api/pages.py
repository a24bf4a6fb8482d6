"""Pages for people, from templates: without scripts and without anything from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse

LINKS = {
    "wallet_address": "/wallets/",
    "team_name": "/leaderboards/teams/",
    "tier": "/leaderboards/tiers/",
}
PLAIN = ("_id", "_serial", "serial_number", "batch")


def page(name: str, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from its template."""
    text = TEMPLATES.get_template(f"{name}.html").render(title=title, **values)
    return HTMLResponse(text, status, headers=HEADERS)


def docs(document: dict[str, Any]) -> HTMLResponse:
    """The OpenAPI document as a page."""
    return page("docs", document["info"]["title"], document=document)


def segment(value: Any) -> str:
    """A value as a part of a path."""
    return quote(str(value), safe="", errors="replace")


def _limits(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(schema["enum"])
    limits = [f"{name} {schema[name]}" for name in ("minimum", "maximum", "maxLength", "default") if name in schema]
    return ", ".join([schema["type"], *limits])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: Any, name: str) -> str:
    """A value of the column as people read it: a time to the second, a number with separators unless it names."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not name.endswith(PLAIN):
        return f"{value:,}"
    return f"{value[:19].replace('T', ' ')} UTC" if name.endswith("_at") else str(value)


TEMPLATES = Environment(loader=PackageLoader(__package__), autoescape=True, trim_blocks=True, lstrip_blocks=True)
STYLE = str(TEMPLATES.get_template("style.css").render())
TEMPLATES.globals |= {"style": Markup(STYLE), "links": LINKS}  # noqa: S704  a file of this package
TEMPLATES.filters |= {"limits": _limits, "path": segment, "words": _words, "shown": _shown}
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
HEADERS = {
    "content-security-policy": f"{POLICY}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
