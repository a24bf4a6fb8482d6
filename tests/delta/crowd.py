"""A collection that is large enough for a load and a build to last a while; made and changed by SQL alone."""

from __future__ import annotations

from psycopg.sql import SQL, Identifier

from python_runner.ingest import load_plan
from python_runner.postgres import raw_schema
from tests.delta.market import HOLDINGS, METADATA, PRICES, PROFILES
from tests.delta.project import SOURCES, Connection, apply_stage
from tests.roles import name_of

# One in `n` of the rows, another one for every seed.
SOME = "abs(hashtextextended({key}::text, {seed})) % {n} = 0"

BEGINNING = {
    HOLDINGS: """
        select '0x' || moment * moment % {modulus}, moment, moment % 7 = 0, timestamptz '2026-01-01'
        from generate_series(1, {moments}) as moment
    """,
    METADATA: """
        select
            moment, 'ED' || moment % 250, null, null, 'Series ' || moment % 3, null, 'Set ' || moment % 9,
            (array['COMMON', 'UNCOMMON', 'RARE', 'LEGENDARY', 'ULTIMATE'])[1 + moment % 250 % 5], 500,
            moment / 250, 'Player', (moment % 250)::text, 'Team ' || moment % 250 % 32, 'QB', null
        from generate_series(1, {moments}) as moment
        where moment % 50 > 0
    """,
    PRICES: "select 'ED' || edition, edition, edition / 2.0, null from generate_series(1, 240) as edition",
    PROFILES: "select '0x' || wallet, 'Collector ' || wallet from generate_series(1, 500) as wallet",
}
# A change is a statement over what is known: moments move and are burned, metadata comes and is corrected.
TRADED = {
    HOLDINGS: """
        select '0x' || (nft_id + {seed}) % 997, nft_id, not is_locked, now() from raw.wallet_holdings where {moved}
    """,
    METADATA: """
        select
            nft_id, 'ED' || (nft_id + {seed}) % 250, null, null, 'Series 1', null, 'Set 1', 'RARE', 500,
            (nft_id / 250)::integer, 'Player', 'corrected', 'Team ' || {seed}, 'QB', null
        from raw.wallet_holdings
        where {described}
    """,
    PRICES: """
        select edition_id, case when {priced} then lowest_ask_usd + 1 else lowest_ask_usd end, avg_sale_usd, null
        from raw.edition_price_scrape
    """,
    PROFILES: """
        select wallet_address, case when {renamed} then 'Renamed {seed}' else display_name end from raw.wallet_profiles
    """,
}
BURNED = "select wallet_address, nft_id, is_locked, last_event_ts from raw.wallet_holdings where not ({moved})"


def open_crowd(connection: Connection, moments: int, *, modulus: int = 997) -> None:
    """Load the collection into empty tables, held by half as many wallets as the prime `modulus` says."""
    for name, rows in BEGINNING.items():
        _load(connection, name, rows.format(moments=moments, modulus=modulus), whole=True)


def trade_crowd(connection: Connection, seed: int) -> None:
    """A day's changes, each source in a transaction of its own; burns are found by the last of them."""
    some = {
        "seed": seed,
        "moved": SOME.format(key="nft_id", seed=seed, n=50),
        "described": SOME.format(key="nft_id", seed=-seed, n=100),
        "priced": SOME.format(key="edition_id", seed=seed, n=10),
        "renamed": SOME.format(key="wallet_address", seed=seed, n=50),
    }
    for name, rows in TRADED.items():
        _load(connection, name, rows.format(**some), whole=name in {PRICES, PROFILES})
    burned = BURNED.format(moved=SOME.format(key="nft_id", seed=~seed, n=500))
    _load(connection, HOLDINGS, burned, whole=True)


def _load(connection: Connection, name: str, rows: str, *, whole: bool) -> None:
    source = SOURCES[name]
    columns = "wallet_address, nft_id, is_locked, last_event_ts" if name == HOLDINGS else ", ".join(source.column_names)
    with connection.transaction():
        connection.execute(SQL("set local role {}").format(Identifier(name_of("builder"))))
        planned = load_plan.begin(connection, source, "test")
        connection.execute(SQL("insert into {} (").format(raw_schema.stage(source)) + SQL(f"{columns}) {rows}"))
        apply_stage(connection, planned, whole=whole)
