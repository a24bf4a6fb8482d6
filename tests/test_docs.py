"""The pages lead somewhere, and show the queries, the output and the commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from python_runner.cli import app
from python_runner.project import PROJECT

PAGES = sorted(
    page
    for page in PROJECT.rglob("*.md")
    if not {".venv", ".demo", "target", "node_modules", "dbt_packages"} & set(page.relative_to(PROJECT).parts)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
VALUES = {"none": "null"}
SQL = re.compile(r"^```sql\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\.venv/bin/|`)runner ([a-z]+)")
TARGET = re.compile(r"(?:^|`|&& )make ([a-z][a-z-]*)\b(?! (?:it|the|a)\b)", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if not re.match(r"https?:|#!", link):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_exists(page: Path) -> None:
    text = page.read_text()
    assert set(COMMAND.findall(text)) <= get_command(app).commands.keys()  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(text)) <= targets


def test_the_readme_is_short() -> None:
    assert len((PROJECT / "README.md").read_text().splitlines()) <= 150


def test_the_page_for_applications_shows_the_queries_of_the_site() -> None:
    shown = set(SQL.findall((PROJECT / "docs/for-applications.md").read_text()))
    for query in sorted((PROJECT / "analyses/site").glob("*.sql")):
        text = re.sub(r"^--.*\n", "", query.read_text(), flags=re.MULTILINE).strip()
        text = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", text)
        text = re.sub(r"\{\{ source\('(\w+)', '(\w+)'\) \}\}", r"\1.\2", text)
        text = re.sub(r"\{\{ bound\('\w+', ('[^']*'|\w+)\) \}\}", lambda found: VALUES.get(found[1], found[1]), text)
        assert text in shown, query.name
