"""Names and tiers mean the same in every database, whatever its collation makes of letters."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from python_runner.console.progress import JsonLines
from python_runner.refresh import build
from tests import roles
from tests.conftest import Database, Loader, Warehouse

pytestmark = pytest.mark.database

TIERS = ("ultimate", "LEGENDARY", "common", "Rare", "uncommon", "key", "\u212aey", "ix", "\u0131x", "\u0130x", "straße")


@pytest.fixture(params=["", pytest.param("tr-TR", marks=pytest.mark.slow)])
def collated(request: pytest.FixtureRequest, server_url: str, database_name: str) -> Iterator[Database]:
    name = f"{database_name}{request.param.lower()}"
    locale = SQL(" locale_provider icu icu_locale {}").format(request.param) if request.param else SQL("")
    with psycopg.connect(server_url, autocommit=True) as connection:
        try:
            connection.execute(SQL("create database {} template template0{}").format(Identifier(name), locale))
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this server has no ICU")
        url = make_conninfo(server_url, dbname=name)
        roles.prepare(url)
        yield Database(url)
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))


def test_letters_that_collations_fold_do_not_meet(collated: Database, warehouse: Warehouse) -> None:
    wallets = ("0xa", "0xb")
    moments = range(2 * len(TIERS))
    warehouse.hold(*((wallets[m % 2], str(m), False, None) for m in moments))
    warehouse.execute(
        "insert into ALLDAY_CORE_NFT_METADATA (nft_id, edition_id, tier) values "
        + ", ".join(f"('{m}', 'ED{m // 2}', '{TIERS[m // 2]}')" for m in moments),
        "insert into WALLET_PROFILES values ('0xa', '\u00a0\u2003'), ('0xb', '\u202eBea')",
    )
    Loader(collated, warehouse)()
    build(collated.settings, JsonLines())
    rows = collated.rows("select distinct tier from top_wallets_by_tier_snapshot")
    assert {row["tier"] for row in rows} == {*(tier.lower() for tier in TIERS[:6]), *TIERS[6:]}
    named = collated.rows("select display_name, tier_ultimate, tier_rare, tier_legendary from wallet_summary_snapshot")
    assert sorted(tuple(row.values()) for row in named) == [("0xa", 1, 1, 1), ("\u202eBea", 1, 1, 1)]
