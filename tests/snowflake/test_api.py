"""The API serves the published tables that came from Snowflake, and drops what it has cached when they change."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from python_runner.postgres.channel import CHANNEL
from tests.api.conftest import Site, site
from tests.api.test_freshness import asks_the_primary, wait_for_versions
from tests.delta.conftest import opened, workshop

pytestmark = pytest.mark.snowflake

__all__ = ["opened", "site", "workshop"]

WALLET = "/v1/wallets/0xa"
CHANGE = "update wallet_summary_snapshot set moments_total = %s where wallet_address = '0xa'"
VERSION = """
update delta.versions set version = version + 1, rebuilt_version = version + 1
where relation_name = 'public.wallet_summary_snapshot'
"""


def test_a_wallet_is_cached_and_expires_without_watermarks_and_without_changelogs(site: Site) -> None:
    lost = ("delete from delta.watermarks", "drop table int_wallet_facts cascade")
    with psycopg.connect(site.project.url, autocommit=True) as connection:
        for number, statement in enumerate(lost, 101):
            connection.execute(statement.encode())
            with connection.transaction():
                connection.execute(CHANGE, (number,))
                connection.execute(VERSION)
                connection.execute(SQL("notify {}, 'public.wallet_summary_snapshot'").format(Identifier(CHANNEL)))
            wait_for_versions(site)
            assert site.get(WALLET)["moments_total"] == number
            assert not asks_the_primary(site, WALLET), "it is cached"
