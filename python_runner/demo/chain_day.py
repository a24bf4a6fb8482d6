"""Simulates a day on the chain: events in Snowflake SQL, sent to the running stand-in for dbt to derive tables from."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import snowflake.connector
from snowflake.connector.errors import Error

from python_runner.demo.chain import DATABASE, SCHEMA
from python_runner.demo.day import PICK, RENAME, REPRICE, Day, Rates
from python_runner.errors import RunnerError

if TYPE_CHECKING:
    from python_runner.demo.stand_in import StandIn

FACTS = f"{DATABASE}.{SCHEMA}.FACT_EVENTS"
ALL_DAY, LOCKER = "A.e4cf4bdc1751c65d.AllDay", "A.b6f2481eba4df97b.NFTLocker"

# The moved moments exchange their wallets. In a block the withdraw comes before the deposit.
MOVE = """
create or replace temporary table moves as
select nft_id, wallet_address as sender, lead(wallet_address) over (order by hash(nft_id, {seed}), nft_id) as receiver
from ALLDAY_WALLET_HOLDINGS_CURRENT where {picked}
"""
MOVED = "select count(*) from moves where receiver is not null"
WITHDRAW = "select 'Withdraw', object_construct('id', nft_id, 'from', sender) from moves where receiver is not null"
DEPOSIT = "select 'Deposit', object_construct('id', nft_id, 'to', receiver) from moves where receiver is not null"
LOCK = """
select case when is_locked then 'NFTUnlocked' else 'NFTLocked' end, object_construct('id', nft_id, 'to', wallet_address)
from ALLDAY_WALLET_HOLDINGS_CURRENT where {picked}
"""
BURN = """
select 'MomentNFTBurned', object_construct('id', nft_id) from ALLDAY_WALLET_HOLDINGS_CURRENT where {picked}
"""
# A pack is opened: its moment is minted in an edition that there is, and deposited.
OPEN = """
create or replace temporary table opened as
select
    wallet_address, edition_id,
    to_varchar(highest + row_number() over (order by hash(nft_id, {seed}), nft_id)) as nft_id
from (
    select
        h.nft_id, h.wallet_address, m.edition_id,
        (select max(nft_id::bigint) from ALLDAY_CORE_NFT_METADATA) as highest
    from ALLDAY_WALLET_HOLDINGS_CURRENT as h join ALLDAY_CORE_NFT_METADATA as m on h.nft_id = m.nft_id
) as held
where {picked}
"""
OPENED = "select count(*) from opened"
MINT = """
select 'MomentNFTMinted', object_construct('id', nft_id, 'editionID', edition_id, 'serialNumber', '1') from opened
"""
GIVE = "select 'Deposit', object_construct('id', nft_id, 'to', wallet_address) from opened"
HAPPEN = f"""
insert into {FACTS}
select
    last_block + {{later}}, dateadd(second, {{later}}, last_at), 'tx-' || last_block, true, '{{contract}}', type, data
from ({{events}}) as happened (type, data)
cross join (select max(block_height) as last_block, max(block_timestamp) as last_at from {FACTS}) as chain
"""


def simulate_chain_day(stand_in: StandIn, rates: Rates | None = None, seed: int = 1) -> Day:
    """Let events happen on the chain, and prices and names change. The same seed picks the same rows of one data."""
    rates = rates or Rates()
    try:
        with closing(snowflake.connector.connect(**stand_in.connect_args)) as connection:
            cursor = connection.cursor()

            def run(statement: str, column: str, salt: str, rate: float) -> int:
                picked = PICK.format(column=column, salt=salt, seed=seed, rate=rate)
                cursor.execute(statement.format(picked=picked, seed=seed))
                return cursor.rowcount or 0

            def happen(events: str, salt: str, rate: float = 0, contract: str = ALL_DAY) -> int:
                picked = PICK.format(column="nft_id", salt=salt, seed=seed, rate=rate)
                cursor.execute(HAPPEN.format(events=events.format(picked=picked), contract=contract, later=3600))
                return cursor.rowcount or 0

            run(MOVE, "nft_id", "moved", rates.moved)
            run(OPEN, "nft_id", "minted", rates.minted)
            happen(WITHDRAW, "")
            moved = happen(DEPOSIT, "")
            minted = happen(MINT, "")
            happen(GIVE, "")
            locked = happen(LOCK, "locked", rates.locked, LOCKER)
            burned = happen(BURN, "burned", rates.burned)
            repriced = run(REPRICE, "edition_id", "repriced", rates.repriced)
            renamed = run(RENAME, "wallet_address", "renamed", rates.renamed)
            return Day(moved, locked, burned, minted, 0, repriced, renamed)
    except Error as exc:
        raise RunnerError(f"the day could not be simulated: {exc}") from exc
