"""Pages for people: one document each, without scripts and without anything from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
code { background: #f2f2f2; padding: .1rem .3rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; border-bottom: 1px solid #ddd; padding: .2rem .5rem; vertical-align: top; }
"""
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
HEADERS = {
    "content-security-policy": f"{POLICY}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def page(title: str, content: str) -> HTMLResponse:
    """A page with the house style."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{content}</body></html>",
        headers=HEADERS,
    )


def docs(document: dict[str, Any]) -> HTMLResponse:
    """The OpenAPI document as a page."""
    parts = ['<p>As a document for machines: <a href="/openapi.json">/openapi.json</a></p>']
    for path, methods in document["paths"].items():
        operation = methods["get"]
        parts.append(f"<h2><code>GET {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>")
        rows = [
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{'required' if one['required'] else ''}</td>"
            f"<td>{escape(_limits(one['schema']))}</td></tr>"
            for one in operation["parameters"]
        ]
        parts.append(f"<table>{''.join(rows)}</table>")
    return page(document["info"]["title"], "".join(parts))


def _limits(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(schema["enum"])
    limits = [f"{name} {schema[name]}" for name in ("minimum", "maximum", "maxLength", "default") if name in schema]
    return ", ".join([schema["type"], *limits])
