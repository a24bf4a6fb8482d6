"""A refresh expires what it changed, and what did not change stays cached."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.api.cluster import valkey, wait_until
from tests.api.conftest import Site, application

pytestmark = pytest.mark.database

VERSIONS = """
select relation_name, version from delta.versions
union all
select 'raw.' || source, max(batch_id) from raw.load_batches
where baseline or rows_inserted + rows_updated + rows_deleted > 0
group by source
"""

CHANGED = """
select distinct wallet_address from int_wallet_facts where step = (select max(step) from int_wallet_facts)
"""


def wait_for_versions(site: Site) -> None:
    """Go on when the API knows of everything that is committed."""

    def knows() -> bool:
        with psycopg.connect(site.project.url) as connection:
            now: dict[str, int] = dict(connection.execute(VERSIONS).fetchall())
        known = site.client.get("/readyz").json()["versions"]
        return bool(known) and all(now[relation] == version for relation, version in known.items())

    wait_until(knows)


def count(site: Site, source: str) -> int:
    """How many answers came from there."""
    found = re.search(rf'source="{source}"}} (\d+)', site.client.get("/metrics").text)
    return int(found[1]) if found else 0


def asks_the_primary(site: Site, path: str) -> bool:
    """Whether an answer is read from the primary."""
    before = count(site, "primary")
    site.get(path)
    return count(site, "primary") > before


def test_a_wallet_that_changed_is_read_again_and_others_stay(site: Site) -> None:
    wait_for_versions(site)
    paths = ("/v1/wallets/0xa", "/v1/wallets/0xb", "/v1/wallets/0xc", "/v1/leaderboards/moments")
    before = {path: site.get(path) for path in paths}
    site.trade(("transfer", 4, "0xb"), ("transfer", 1, "0xa"))
    wait_for_versions(site)
    with psycopg.connect(site.project.url) as connection:
        changed = {wallet for (wallet,) in connection.execute(CHANGED)}
    for path in paths[:3]:
        assert asks_the_primary(site, path) == (path.rsplit("/", 1)[1] in changed), path
    assert asks_the_primary(site, paths[3])
    assert {path: site.get(path) for path in paths} != before
    assert 0 < len(changed) < 4


def test_a_run_that_changes_nothing_expires_nothing_but_what_has_no_watermark(site: Site) -> None:
    wait_for_versions(site)
    for path in ("/v1/wallets/0xa", "/v1/editions", "/v1/leaderboards/value", "/v1/filters"):
        site.get(path)
    site.build()
    wait_for_versions(site)
    for path in ("/v1/wallets/0xa", "/v1/editions", "/v1/leaderboards/value"):
        assert not asks_the_primary(site, path), path
    assert asks_the_primary(site, "/v1/filters")


def test_a_rebuild_without_new_facts_expires_its_mart(site: Site) -> None:
    wait_for_versions(site)
    with psycopg.connect(site.project.url) as connection:
        connection.execute("update wallet_summary_snapshot set moments_total = 77 where wallet_address = '0xa'")
        connection.execute("update delta.versions set version = version + 1, rebuilt_version = version + 1")
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xa")["moments_total"] == 77
    site.build("wallet_summary_snapshot", full_refresh=True)
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xa")["moments_total"] != 77


def test_a_compacted_log_expires_every_wallet(site: Site) -> None:
    """A wallet that has sold everything leaves no row in it."""
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xc")
    site.trade(("sell_all", "0xc", "0xb"))
    site.build("int_wallet_facts", compact_share=0)
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xc", 404)
    site.trade(("transfer", 3, "0xc"))
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xc")["moments_total"] == 1


def test_a_load_expires_what_is_read_from_loaded_tables(site: Site) -> None:
    wait_for_versions(site)
    before = site.get("/v1/wallets/0xb/moments")["moments"]
    site.trade(("transfer", before[0]["nft_id"], "0xa"), ("lock", before[1]["nft_id"], True), build=False)
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xb/moments")["moments"][0] == before[1] | {"is_locked": True}
    site.build()


def test_an_answer_that_there_is_none_is_kept_and_expires(site: Site) -> None:
    wait_for_versions(site)
    site.get("/v1/wallets/0xnew", 404)
    before = count(site, "memory")
    site.get("/v1/wallets/0xnew", 404)
    assert count(site, "memory") == before + 1
    site.trade(("mint", 40, "0xnew", "ED1"))
    wait_for_versions(site)
    assert site.get("/v1/wallets/0xnew")["moments_total"] == 1


def test_nothing_cached_is_served_while_nobody_listens(site: Site) -> None:
    wait_for_versions(site)
    site.get("/v1/filters")
    name = conninfo_to_dict(site.project.url)["dbname"]
    with psycopg.connect(site.project.url, dbname="postgres", autocommit=True) as connection:
        allow = f"alter database {name} allow_connections"
        connection.execute(f"{allow} false".encode())
        try:
            listeners = f"pg_stat_activity where application_name = 'collectibles_api' and datname = '{name}'"
            connection.execute(f"select pg_terminate_backend(pid) from {listeners}".encode())
            wait_until(lambda: site.client.get("/readyz").status_code == 503)
            site.get("/v1/filters", 503)
        finally:
            connection.execute(f"{allow} true".encode())
    wait_until(lambda: site.client.get("/readyz").status_code == 200)
    wait_for_versions(site)
    assert site.get("/v1/filters")


def test_what_one_process_has_read_another_takes_from_the_shared_cache(site: Site) -> None:
    with valkey() as url, application(site.url, redis_url=url) as one, application(site.url, redis_url=url) as other:
        pair = [Site(site.project, site.market, site.url, client) for client in (one, other)]
        for each in pair:
            wait_for_versions(each)
        row = pair[0].get("/v1/wallets/0xa")
        wait_until(lambda: pair[1].get("/v1/wallets/0xa") == row and count(pair[1], "shared") == 1)


def test_while_the_summary_is_missing_a_wallet_is_added_up_live(site: Site) -> None:
    wait_for_versions(site)
    rows = {wallet: site.get(f"/v1/wallets/{wallet}") for wallet in ("0xa", "0xb", "0xe4cf4bdc1751c65d")}
    with psycopg.connect(site.project.url, autocommit=True) as connection:
        connection.execute("alter table wallet_summary_snapshot rename to hidden")
        connection.execute("update delta.versions set version = version + 1, rebuilt_version = version + 1")
        wait_for_versions(site)
        try:
            for wallet, row in rows.items():
                live = site.get(f"/v1/wallets/{wallet}")
                assert live.pop("live") is True
                assert live == {name: row[name] for name in live}
                assert len(live) > 12
            assert site.get("/v1/wallets/0xnone", 404)
            error = site.get("/v1/wallets?prefix=0", 503)
            assert "wallet_summary_snapshot" in error["error"]
            assert error["run"] == "runner dbt build --select +wallet_summary_snapshot"
        finally:
            connection.execute("alter table hidden rename to wallet_summary_snapshot")
    assert "live" not in site.get("/v1/wallets/0xa")


def test_without_a_server_the_answer_is_503_at_once() -> None:
    with application("postgresql://nobody@127.0.0.1:1/none") as client:
        response = client.get("/v1/filters")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
