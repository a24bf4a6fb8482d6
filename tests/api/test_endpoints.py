"""What the endpoints answer: the tables' rows as JSON, and errors that say what is wrong."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from python_runner.api.declarations import read_endpoints
from python_runner.api.sql import SITE, placeholders, render
from python_runner.project import PROJECT
from tests.api.conftest import Site, application
from tests.delta.conftest import Workshop

pytestmark = pytest.mark.database


def table(site: Site, query: str) -> Any:
    """Rows as Postgres writes them in JSON."""
    with psycopg.connect(site.project.url, options="-c timezone=UTC") as connection:
        (rows,) = connection.execute(f"select json_agg(row) from ({query}) as row".encode()).fetchone() or (None,)
    return rows or []


def test_each_file_renders_as_dbt_renders_it(workshop: Workshop, site: Site) -> None:
    compiled = site.project.compile("path:analyses/site") / "analyses" / "site"

    def literal(_: str, example: Any) -> str:
        return "null" if example is None else f"'{example}'" if isinstance(example, str) else str(example)

    def quoted(schema: str, relation: str) -> str:
        return f'"{workshop.database.name}"."{schema}"."{relation}"'

    for path in sorted(SITE.glob("*.sql")):
        assert render(path.stem, "public", literal, quoted).text == (compiled / path.name).read_text(), path.name


def test_a_percent_sign_in_a_file_is_no_parameter() -> None:
    assert placeholders("a % b = \x00team\x00") == "a %% b = %(team)s"


def test_a_wallet_is_its_row_whatever_the_case_of_its_address(site: Site) -> None:
    (row,) = table(site, "select * from wallet_summary_snapshot where wallet_address = '0xa'")
    assert site.get("/v1/wallets/0xA") == row
    assert isinstance(row["floor_value"], float)


def test_an_unknown_wallet_is_not_found(site: Site) -> None:
    assert "0xnone" in site.get("/v1/wallets/0xnone", 404)["error"]
    assert "0xnone" in site.get("/v1/wallets/0xnone/moments", 404)["error"]


def test_moments_are_paged_by_key(site: Site) -> None:
    expected = table(
        site,
        "select nft_id, is_locked, edition_id, serial_number, first_name, last_name, team_name, tier from"
        " raw.wallet_holdings left join raw.nft_core_metadata using (nft_id) where wallet_address = '0xa'"
        " order by nft_id",
    )
    found, after = [], 0
    while after is not None:
        page = site.get(f"/v1/wallets/0xa/moments?limit=2&after={after}")
        found += page["moments"]
        after = page["next"]
    assert found == expected
    assert site.get("/v1/wallets/0xa/moments?after=999") == {"moments": [], "next": None}


def test_wallets_are_found_by_the_beginning_of_their_name(site: Site) -> None:
    assert [row["wallet_address"] for row in site.get("/v1/wallets?prefix=0x")] == ["0xb", "0xc", "0xe4cf4bdc1751c65d"]
    assert [row["display_name"] for row in site.get("/v1/wallets?prefix=Ada")] == ["Ada"]
    assert site.get("/v1/wallets?prefix=0x&limit=1")[0]["wallet_address"] == "0xb"
    assert site.get("/v1/wallets", params={"prefix": "%"}) == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("moments", "select * from top_wallets_snapshot order by total_moments desc, display_name"),
        ("value", "select * from top_wallets_by_value_snapshot order by floor_value desc, display_name"),
        ("value?by=asp", "select * from top_wallets_by_value_snapshot order by asp_value desc, display_name"),
        ("teams/Lions", "select * from top_wallets_by_team_snapshot where team_name = 'Lions' order by 4 desc, 3"),
        ("tiers/COMMON", "select * from top_wallets_by_tier_snapshot where tier = 'common' order by 4 desc, 3"),
    ],
)
def test_leaderboards_are_in_order(site: Site, path: str, query: str) -> None:
    answer = site.get(f"/v1/leaderboards/{path}")
    assert answer
    assert answer == [{name: row[name] for name in answer[0]} for row in table(site, query)]


def test_editions_are_filtered_sorted_and_paged(site: Site) -> None:
    rows = table(site, "select * from editions_snapshot order by lowest_ask_usd nulls last, edition_id")
    assert site.get("/v1/editions")["editions"] == rows
    first = site.get("/v1/editions?limit=1")
    assert first["next"] == rows[0]["edition_id"]
    assert site.get(f"/v1/editions?after={first['next']}")["editions"] == rows[1:]
    most = table(site, "select * from editions_snapshot order by total_moments desc, edition_id")
    assert site.get("/v1/editions?sort=-total_moments")["editions"] == most
    for name, value in (("tier", "common"), ("team", "Lions"), ("set", "Base"), ("player", rows[0]["first_name"])):
        answer = site.get("/v1/editions", params={name: value})["editions"]
        assert rows[0] in answer, name
    assert site.get("/v1/editions?position=none") == {"editions": [], "next": None}


def test_filters_are_one_object(site: Site) -> None:
    assert site.get("/v1/filters")["teams"] == ["Lions"]


@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ("/v1/wallets", "prefix", "required"),
        ("/v1/wallets?prefix=", "prefix", "empty"),
        ("/v1/wallets?prefix=%00", "prefix", "character"),
        ("/v1/wallets?prefix=a&limit=101", "limit", "between 1 and 100"),
        ("/v1/wallets?prefix=a&limit=ten", "limit", "integer"),
        ("/v1/wallets?prefix=a&prefix=b", "prefix", "twice"),
        ("/v1/wallets?prefix=a&page=2", "page", "no parameter"),
        ("/v1/wallets/%00", "address", "character"),
        ("/v1/leaderboards/value?by=price", "by", "floor, asp"),
        ("/v1/editions?sort=name", "sort", "lowest_ask_usd"),
        (f"/v1/editions?team={'x' * 201}", "team", "200"),
    ],
)
def test_a_bad_parameter_is_named_with_the_reason(site: Site, query: str, parameter: str, reason: str) -> None:
    error = site.get(query, 422)
    assert error["parameter"] == parameter
    assert reason in error["error"]


def test_a_value_is_never_sql(site: Site) -> None:
    assert site.get("/v1/leaderboards/teams/'; drop table x; --") == []


def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    first = site.client.get("/v1/editions")
    again = site.client.get("/v1/editions", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=0, must-revalidate"


def test_lists_are_compressed_for_who_accepts_it(site: Site) -> None:
    packed = site.client.get("/v1/editions", headers={"accept-encoding": "gzip"})
    plain = site.client.get("/v1/editions", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["vary"] == "Accept-Encoding"


def test_the_role_that_reads_cannot_write(site: Site) -> None:
    with psycopg.connect(site.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from wallet_summary_snapshot")


def test_other_origins_are_closed_unless_they_are_named(site: Site) -> None:
    origin = {"origin": "https://example.com"}
    assert "access-control-allow-origin" not in site.client.get("/v1/filters", headers=origin).headers
    with application(site.url, api_cors_origins="https://example.com") as client:
        allowed = client.get("/v1/filters", headers=origin).headers
        assert allowed["access-control-allow-origin"] == origin["origin"]
        assert (
            "access-control-allow-origin" not in client.get("/v1/filters", headers={"origin": "https://b.com"}).headers
        )


def test_the_document_describes_what_is_answered(site: Site) -> None:
    document = site.get("/openapi.json")
    assert document["openapi"] == "3.1.0"
    paths = {"/v1" + endpoint.path for endpoint in read_endpoints("public")}
    assert document["paths"].keys() == paths
    schema = document["paths"]["/v1/filters"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"].keys() == site.get("/v1/filters").keys()
    page = site.client.get("/docs")
    assert all(path in page.text for path in paths)
    assert "script" not in page.headers["content-security-policy"]


def test_the_site_is_served_from_declarations_alone() -> None:
    served = {endpoint.sql for endpoint in read_endpoints("public")}
    assert not [
        path for path in (PROJECT / "python_runner/api").glob("*.py") if any(s in path.read_text() for s in served)
    ]
