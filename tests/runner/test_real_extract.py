"""A real extract, where there is one, against sums made straight from its files."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from python_runner import refresh
from python_runner.console.progress import progress_listener
from python_runner.demo import stand_in
from python_runner.ingest.files import read_csv, read_parquet
from python_runner.project import PROJECT
from python_runner.sources import read_sources
from tests.conftest import Database, Warehouse

EXTRACT = PROJECT.parent / "shared" / "data"

pytestmark = [
    pytest.mark.database,
    pytest.mark.slow,
    pytest.mark.skipif(not EXTRACT.is_dir(), reason="the real extract is not here"),
]

METADATA = f"""
    select
        nft_id, edition_id, play_id, null::varchar as series_id, series_name, null::varchar as set_id, set_name, tier,
        circulation_count as max_mint_size, serial_number, player_name as first_name, null::varchar as last_name,
        team_name, "position", jersey_number
    from read_csv('{EXTRACT}/moments.csv', all_varchar = true) as moments
    left join read_csv('{EXTRACT}/editions.csv', all_varchar = true) as editions using (edition_id)
"""
TABLES = {
    "wallet_holdings": f"""
        select wallet_address, nft_id, is_locked::boolean as is_locked, last_event_ts::timestamp as last_event_ts
        from read_csv('{EXTRACT}/wallet_holdings.csv', all_varchar = true)
    """,
    "nft_core_metadata": METADATA,
    "edition_price_scrape": f"""
        select edition_id, lowest_ask::double as lowest_ask, avg_sale::double as avg_sale, top_sale::double as top_sale
        from read_csv('{EXTRACT}/edition_prices.csv', all_varchar = true)
    """,
    "wallet_profiles": "select '0x379c2a0e88d8081f' as wallet_address, 'Collector' as display_name",
}


def read(name: str) -> list[dict[str, str]]:
    with (EXTRACT / name).open(newline="") as file:
        return [{key.lower(): value for key, value in row.items()} for row in csv.DictReader(file)]


def money(text: str) -> Decimal:
    return Decimal(text or 0)


class Expected:
    """Both tables, by plain counting."""

    def __init__(self) -> None:
        prices = {row["edition_id"]: row for row in read("edition_prices.csv")}
        editions = {row["edition_id"]: row for row in read("editions.csv")}
        moments = {row["nft_id"]: row for row in read("moments.csv")}
        nothing = {"lowest_ask": "", "avg_sale": "", "top_sale": ""}
        self.wallets: dict[str, Counter[str]] = defaultdict(Counter)
        serials: dict[str, list[int]] = {row["edition_id"]: [] for row in moments.values()}
        for holding in read("wallet_holdings.csv"):
            wallet = self.wallets[holding["wallet_address"].lower()]
            locked = holding["is_locked"].lower() == "true"
            wallet["moments_total"] += 1
            wallet["locked_count" if locked else "unlocked_count"] += 1
            moment = moments.get(holding["nft_id"])
            if moment is None:
                continue
            edition = moment["edition_id"]
            serials[edition].append(int(moment["serial_number"]))
            if edition in editions:
                wallet[f"tier_{editions[edition]['tier'].lower()}"] += 1
            price = prices.get(edition, nothing)
            wallet["priced_moments"] += bool(price["lowest_ask"] or price["avg_sale"])
            wallet["floor_value"] += money(price["lowest_ask"])  # type: ignore[assignment]
            wallet["asp_value"] += money(price["avg_sale"])  # type: ignore[assignment]
        self.editions = {
            edition: {
                "tier": editions.get(edition, {}).get("tier"),
                "team_name": editions.get(edition, {}).get("team_name") or None,
                "max_mint_size": int(editions[edition]["circulation_count"]) if edition in editions else None,
                "total_moments": len(held),
                "min_serial": min(held, default=None),
                "max_serial": max(held, default=None),
                **{
                    f"{name}_usd": Decimal(value) if value else None
                    for name, value in prices.get(edition, nothing).items()
                    if name != "edition_id"
                },
            }
            for edition, held in serials.items()
        }


@pytest.fixture(params=["snowflake", "csv", "parquet"])
def loaded(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Database:
    """The extract, loaded from the stand-in or from files, and built."""
    sources = read_sources()
    with progress_listener(as_json=False) as listener, duckdb.connect(str(tmp_path / "ALLDAY.db")) as file:
        file.execute("create schema PUBLIC")
        for name, query in TABLES.items():
            file.execute(f"create table PUBLIC.{sources[name].snowflake_table} as {query}")
            file.execute(f"copy ({query}) to '{tmp_path}/{name}.csv' (header)")
            file.execute(f"copy ({query}) to '{tmp_path}/{name}.parquet'")
        file.close()
        if read := {"csv": read_csv, "parquet": read_parquet}.get(request.param):
            for name, source in sources.items():
                pages = read(tmp_path / f"{name}.{request.param}", source)
                refresh.load_file(database.settings, source, pages, listener)
        else:
            try:
                server = stand_in.start(tmp_path)
                warehouse = Warehouse(server.environment).settings
                with refresh.connect(database.settings, warehouse, listener) as connections:
                    refresh.load(connections, list(sources.values()), listener)
            finally:
                stand_in.stop(tmp_path)
        refresh.build(database.settings, listener)
    return database


def test_every_number_of_the_published_tables(loaded: Database) -> None:
    expected = Expected()
    summary = {row["wallet_address"]: row for row in loaded.rows("select * from wallet_summary_snapshot")}
    assert summary.keys() == expected.wallets.keys()
    for wallet, row in summary.items():
        counted = {name: value for name, value in row.items() if isinstance(value, int | Decimal)}
        assert counted == {name: expected.wallets[wallet][name] for name in counted}

    editions = {row["edition_id"]: row for row in loaded.rows("select * from editions_snapshot")}
    assert editions.keys() == expected.editions.keys()
    for edition, row in editions.items():
        wanted: dict[str, Any] = expected.editions[edition]
        assert {name: row[name] for name in wanted} == wanted, edition
