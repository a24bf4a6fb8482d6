"""Simulates a day of changes with set-based statements in Snowflake SQL, sent to the running stand-in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import snowflake.connector
from snowflake.connector.errors import Error

from python_runner.errors import RunnerError

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

    from python_runner.demo.stand_in import StandIn


@dataclass(frozen=True)
class Rates:
    """The share of held moments, editions or profiles that change in a day. The default is a busy day."""

    moved: float = 0.01
    locked: float = 0.002
    burned: float = 0.0005
    minted: float = 0.001
    repriced: float = 0.1
    renamed: float = 0.01


@dataclass(frozen=True)
class Day:
    """The number of rows that changed. `described` are moments whose metadata arrived late."""

    moved: int
    locked: int
    burned: int
    minted: int
    described: int
    repriced: int
    renamed: int


PICK = "mod(abs(hash({column}, '{salt}', {seed})), 1000000) < {rate} * 1000000"

# The moved moments exchange their wallets, so that the sizes of the wallets do not change.
MOVE = """
update ALLDAY_WALLET_HOLDINGS_CURRENT as h set wallet_address = m.receiver, last_event_ts = {now}
from (
    select nft_id, lead(sender) over (order by hash(nft_id, {seed}), nft_id) as receiver
    from (select nft_id, min(wallet_address) as sender from ALLDAY_WALLET_HOLDINGS_CURRENT
        where {picked} and try_cast(nft_id as number(38, 0)) is not null group by nft_id)
) as m
where h.nft_id = m.nft_id and m.receiver is not null
"""
LOCK = """
update ALLDAY_WALLET_HOLDINGS_CURRENT set is_locked = not is_locked, last_event_ts = {now} where {picked}
"""
BURN = "delete from ALLDAY_WALLET_HOLDINGS_CURRENT where {picked}"
HIGHEST = "select max(try_cast(nft_id as number(38, 0))) from ALLDAY_CORE_NFT_METADATA"
MINT = """
insert into ALLDAY_WALLET_HOLDINGS_CURRENT (wallet_address, nft_id, is_locked, last_event_ts)
select wallet_address, cast({highest} + row_number() over (order by hash(nft_id, {seed}), nft_id) as varchar),
    false, {now}
from (select nft_id, min(wallet_address) as wallet_address from ALLDAY_WALLET_HOLDINGS_CURRENT
    where {picked} and nft_id is not null group by nft_id)
"""
# A held moment without metadata is new or late. All new moments and half of the late ones get metadata.
DESCRIBE = """
insert into ALLDAY_CORE_NFT_METADATA (
    nft_id, edition_id, play_id, series_id, series_name, set_id, set_name, tier, max_mint_size, serial_number,
    first_name, last_name, team_name, position, jersey_number)
select b.nft_id, edition_id, play_id, series_id, series_name, set_id, set_name, tier, max_mint_size,
    max_mint_size + b.n, first_name, last_name, team_name, position, jersey_number
from (
    select nft_id, row_number() over (order by hash(nft_id, {seed}), nft_id) as n
    from (select distinct h.nft_id from ALLDAY_WALLET_HOLDINGS_CURRENT as h
        where try_cast(h.nft_id as number(38, 0)) is not null
        and not exists (select 1 from ALLDAY_CORE_NFT_METADATA as m where m.nft_id = h.nft_id)
        and (try_cast(h.nft_id as number(38, 0)) > {highest} or {picked}))
) as b
join (
    select *, row_number() over (order by hash(edition_id, {seed}), edition_id) as n, count(*) over () as editions
    from ALLDAY_CORE_NFT_METADATA where serial_number = 1
) as e on e.n = mod(b.n, e.editions) + 1
"""
REPRICE = """
update EDITION_PRICE_SCRAPE set
    lowest_ask = coalesce(lowest_ask + greatest(1, round(lowest_ask / 10)), 5),
    avg_sale = round(coalesce(avg_sale * 1.02, 4) + 0.01, 2)
where {picked}
"""
RENAME = "update WALLET_PROFILES set display_name = display_name || ' II' where {picked}"


def simulate_day(stand_in: StandIn, rates: Rates | None = None, seed: int = 1, now: datetime | None = None) -> Day:
    """Change the data of the running stand-in. The same seed picks the same rows of the same data."""
    rates = rates or Rates()
    moment = (now or datetime.now(UTC)).replace(tzinfo=None)
    try:
        with closing(snowflake.connector.connect(**stand_in.connect_args)) as connection:
            return _apply(connection.cursor(), rates, seed, f"timestamp '{moment}'")
    except Error as exc:
        raise RunnerError(f"the day could not be simulated: {exc}") from exc


def _apply(cursor: SnowflakeCursor, rates: Rates, seed: int, now: str) -> Day:
    highest = 0

    def run(statement: str, column: str, salt: str, rate: float) -> int:
        picked = PICK.format(column=column, salt=salt, seed=seed, rate=rate)
        cursor.execute(statement.format(picked=picked, now=now, seed=seed, highest=highest))
        return cursor.rowcount or 0

    moved = run(MOVE, "nft_id", "moved", rates.moved)
    locked = run(LOCK, "nft_id", "locked", rates.locked)
    burned = run(BURN, "nft_id", "burned", rates.burned)
    cursor.execute(HIGHEST)
    highest = int(str((cursor.fetchone() or (0,))[0] or 0))
    minted = run(MINT, "nft_id", "minted", rates.minted)
    described = run(DESCRIBE, "nft_id", "described", 0.5) - minted
    repriced = run(REPRICE, "edition_id", "repriced", rates.repriced)
    renamed = run(RENAME, "wallet_address", "renamed", rates.renamed)
    return Day(moved, locked, burned, minted, described, repriced, renamed)
