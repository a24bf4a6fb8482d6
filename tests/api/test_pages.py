"""The pages for people: they show what the endpoints answer, escape it, and say what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import psycopg
import pytest
from starlette.testclient import TestClient

from python_runner.jobs import queue
from python_runner.jobs.names import JobName
from tests.api.conftest import READER, Site, application
from tests.conftest import Database

pytestmark = pytest.mark.database
NAME = """<script>alert("x")</script> & 'co'"""


@pytest.fixture(scope="module", autouse=True)
def _named(site: Site) -> None:
    """A wallet with an odd name."""
    with psycopg.connect(site.project.url, autocommit=True) as connection:
        for table in ("wallet_summary_snapshot", "top_wallets_snapshot"):
            connection.execute(f"update {table} set display_name = %s where wallet_address = '0xb'".encode(), (NAME,))


class Reader(HTMLParser):
    """The text of a page, its links, and its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.links, self.elements = "", [""], {""}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(client: TestClient, path: str, status: int = 200) -> Reader:
    """A page, which has no script and allows none."""
    response = client.get(path)
    assert response.status_code == status, response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["content-type"].startswith("text/html")
    page = Reader(response.text)
    assert "script" not in page.elements
    return page


def test_the_first_page_shows_wallets_and_leads_to_the_leaderboards(site: Site) -> None:
    page = read(site.client, "/")
    assert "Ada" in page.text
    assert {"/wallets/0xa", "/leaderboards/teams/Lions", "/leaderboards/tiers/COMMON", "/status"} <= set(page.links)
    for link in set(page.links) - {""}:
        assert site.client.get(link).status_code == 200, link


def test_a_wallet_is_found_by_its_address_and_by_the_beginning_of_its_name(site: Site) -> None:
    by_address = site.client.get("/search?q=0xA", follow_redirects=True)
    assert by_address.url.path == "/wallets/0xa"
    assert "Ada" in by_address.text
    by_name = site.client.get("/search?q=Ad", follow_redirects=True)
    assert "/wallets/0xa" in Reader(by_name.text).links
    assert site.client.get("/search?q=", follow_redirects=True).url.path == "/"


def test_each_endpoint_has_a_page_with_its_answer(site: Site) -> None:
    wallet = read(site.client, "/wallets/0xA")
    assert {"/wallets/0xa/moments", "/v1/wallets/0xa"} <= set(wallet.links)
    moments = read(site.client, "/wallets/0xa/moments?limit=1")
    (following,) = [link for link in moments.links if link.startswith("/wallets/") and "after=" in link]
    first = site.get("/v1/wallets/0xa/moments?limit=2")["moments"]
    assert str(first[0]["nft_id"]) in moments.text
    assert str(first[1]["nft_id"]) in read(site.client, following).text
    assert "Lions" in read(site.client, "/editions?team=Lions&tier=&sort=lowest_ask_usd").text
    assert "/wallets/0xb" in read(site.client, "/leaderboards/value?by=asp").links


@pytest.mark.parametrize("path", ["/", "/wallets/0xb", "/leaderboards/moments", "/wallets?prefix=%3Cscript"])
def test_a_name_is_text_whatever_it_holds(site: Site, path: str) -> None:
    assert NAME in read(site.client, path).text


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/wallets/0xnone", 404, "0xnone"),
        ("/wallets/<script>", 404, "<script>"),
        ("/wallets/%ff", 404, "Nothing is known"),
        ("/wallets", 422, "prefix: is required"),
        ("/editions?sort=%3Cscript%3E", 422, "sort"),
        ("/editions?limit=x", 422, "limit"),
    ],
)
def test_an_error_is_a_page_that_says_what_is_wrong(site: Site, path: str, status: int, says: str) -> None:
    assert says in read(site.client, path, status).text


def test_the_status_shows_marts_loads_rejects_and_this_process(site: Site) -> None:
    site.client.get("/v1/filters")
    page = read(site.client, "/status")
    for expected in (
        "public.wallet_summary_snapshot",
        "wallet_holdings",
        "wallet_profiles",
        "hit share",
        "primary connections",
    ):
        assert expected in page.text, expected
    assert "Left out" not in page.text.split("Jobs")[0]
    loads = psycopg.connect(site.project.url).execute("select least(count(*), 50) from raw.load_batches").fetchone()
    assert loads
    assert site.client.get("/status").text.count("<rect") == loads[0]


@pytest.fixture
def emptied(site: Site) -> Iterator[Site]:
    """The site while a mart and the queue are missing or forbidden; afterwards everything is as it was."""
    with psycopg.connect(site.project.url, autocommit=True) as connection:
        yield site
        for statement in (
            "alter table if exists top_hidden rename to top_wallets_snapshot",
            "drop schema if exists jobs cascade",
            f"grant select (source, reason, batch_id, loaded, rejected_at) on raw.rejected_rows to {READER}",
            f"grant select on raw.load_batches to {READER}",
        ):
            connection.execute(statement.encode())


def test_a_missing_table_is_named_with_the_command_that_builds_it(emptied: Site) -> None:
    with psycopg.connect(emptied.project.url, autocommit=True) as connection:
        connection.execute("alter table top_wallets_snapshot rename to top_hidden")
    with application(emptied.url) as client:
        assert "runner dbt build --select" in read(client, "/leaderboards/moments", 503).text
        assert "runner dbt build --select" in read(client, "/").text


def test_what_the_role_may_not_read_is_left_out_with_a_sentence(emptied: Site) -> None:
    with psycopg.connect(emptied.project.url, autocommit=True) as connection:
        connection.execute(f"revoke select on raw.rejected_rows, raw.load_batches from {READER}".encode())
    with application(emptied.url) as client:
        text = read(client, "/status").text
    assert len(re.findall("Left out: permission denied for table (rejected_rows|load_batches)", text)) == 3
    assert "This process" in text


def test_jobs_are_shown_with_their_seconds_once_there_is_a_queue(emptied: Site) -> None:
    with psycopg.connect(emptied.project.url, autocommit=True) as connection:
        assert "Jobs" in read(emptied.client, "/status").text
        queue.enqueue(Database(emptied.project.url, role="").settings, JobName.refresh)
        connection.execute("set search_path = jobs")
        for state in ("doing", "failed"):
            connection.execute("update procrastinate_jobs set status = %s", (state,))
        connection.execute(
            "update procrastinate_events set at = '2026-01-01'::date + (type = 'failed')::int * interval '42 s'"
        )
        connection.execute("insert into errors select id, now(), 'it is wrong' from procrastinate_jobs")
        connection.execute("reset search_path")
        assert "permission denied for schema jobs" in read(emptied.client, "/status").text
        connection.execute(f"grant usage on schema jobs to {READER}".encode())
        columns = "id, task_name, status, scheduled_at, attempts"
        connection.execute(f"grant select ({columns}) on jobs.procrastinate_jobs to {READER}".encode())
        connection.execute("grant select on jobs.procrastinate_events, jobs.errors to site_reader")
        text = emptied.client.get("/status").text
        assert "<title>1 refresh: 42.0 s</title>" in text
        assert text.count("<rect") == 1
        assert "it is wrong" in text


def test_no_page_shows_a_secret(site: Site) -> None:
    with application(site.url + " password=hunter2", redis_url="redis://:hunter2@127.0.0.1:1/0") as client:
        for path in ("/", "/status", "/wallets/0xa", "/docs"):
            assert "hunter2" not in client.get(path).text
