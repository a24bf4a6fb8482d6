"""The events of the chain that lead to the sample's holdings and metadata, as the database of their provider."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from python_runner.demo.sample_sql import MACROS
from python_runner.errors import RunnerError

DATABASE = "FLOW_ONCHAIN_CORE_DATA"
SCHEMA = "CORE"
BEGIN = "timestamp '2021-12-09'"  # a block a second

TABLE = f"""
create schema flow.{SCHEMA};
create table flow.{SCHEMA}.FACT_EVENTS(
    BLOCK_HEIGHT bigint, BLOCK_TIMESTAMP timestamp, TX_ID varchar, TX_SUCCEEDED boolean, EVENT_CONTRACT varchar,
    EVENT_TYPE varchar, EVENT_DATA json);
create temp macro event_time(height) as {BEGIN} + to_seconds(height);
create temp macro all_day() as 'A.e4cf4bdc1751c65d.AllDay';
create temp macro locker() as 'A.b6f2481eba4df97b.NFTLocker';
"""

# What is on the chain before the first moment: one series, set and play for each that the editions name.
CREATED = """
create temp table editions as
select distinct on (edition_id) * from ALLDAY_CORE_NFT_METADATA order by edition_id, serial_number;

create temp table events as
select
    1 as height, all_day() as contract, 'SeriesCreated' as type,
    json_object('id', series_id, 'name', series_name) as data
from (select distinct series_id, series_name from editions)
union all
select 2, all_day(), 'SetCreated', json_object('id', set_id, 'name', set_name)
from (select distinct set_id, set_name from editions)
union all
select 3, all_day(), 'PlayCreated', json_object('id', play_id, 'metadata', [
    {'key': 'playerFirstName', 'value': first_name}, {'key': 'playerLastName', 'value': last_name},
    {'key': 'teamName', 'value': team_name}, {'key': 'playerPosition', 'value': "position"},
    {'key': 'playerNumber', 'value': jersey_number::varchar}])
from editions
union all
select 4, all_day(), 'EditionCreated', json_object(
    'id', edition_id, 'maxMintSize', max_mint_size::varchar, 'playID', play_id, 'seriesID', series_id, 'setID', set_id,
    'tier', tier)
from editions;
"""

# A moment that is held, or burned, was in a pack that was opened, and passed through up to two other wallets since. One
# that is neither is still in its pack.
LIVES = """
create temp table wallets as
select address, row_number() over (order by address) - 1 as k
from (select distinct lower(wallet_address) as address from ALLDAY_WALLET_HOLDINGS_CURRENT);

create temp table lives as
with holders as (
    select distinct on (nft_id) nft_id, lower(wallet_address) as holder, is_locked
    from ALLDAY_WALLET_HOLDINGS_CURRENT order by nft_id, wallet_address
)
select
    m.nft_id, m.edition_id, m.serial_number, h.holder, coalesce(h.is_locked, false) as is_locked,
    h.holder is null and pick(m.nft_id, 'burned') % 10 = 0 as is_burned,
    10 + (row_number() over (order by m.nft_id::bigint) * 130e6 / count(*) over ())::bigint as minted,
    3600 + pick(m.nft_id, 'opened') % 2000000 as pause, pick(m.nft_id, 'hops') % 3 as hops
from ALLDAY_CORE_NFT_METADATA as m left join holders as h on m.nft_id = h.nft_id;

create temp table stays as
with numbered as (
    select *, unnest(range(0, hops + 1)) as stay from lives where holder is not null or is_burned
), drawn as (
    select *, pick(nft_id || '/' || stay, 'owner') % (select count(*) from wallets) as k from numbered
)
select
    d.* exclude (k), d.minted + d.pause * (d.stay + 1) as height,
    coalesce(if(d.stay = d.hops, d.holder, null), w.address) as owner
from drawn as d join wallets as w on d.k = w.k;
"""

MOMENTS = """
insert into events
select minted, all_day(), 'MomentNFTMinted',
    json_object('id', nft_id, 'editionID', edition_id, 'serialNumber', serial_number::varchar)
from lives
union all
select minted, all_day(), 'Deposit', json_object('id', nft_id, 'to', '0xe4cf4bdc1751c65d') from stays where stay = 0
union all
select height, all_day(), 'Withdraw', json_object('id', nft_id, 'from',
    lag(owner, 1, '0xe4cf4bdc1751c65d') over (partition by nft_id order by stay))
from stays
union all
select height, all_day(), 'Deposit', json_object('id', nft_id, 'to', owner) from stays
union all
select height + 60, locker(), 'NFTLocked', json_object('id', nft_id, 'to', owner)
from stays where stay = hops and not is_burned and (is_locked or pick(nft_id, 'was locked') % 8 = 0)
union all
select height + 90, locker(), 'NFTUnlocked', json_object('id', nft_id)
from stays where stay = hops and not is_burned and not is_locked and pick(nft_id, 'was locked') % 8 = 0
union all
select height + 60, all_day(), 'MomentNFTBurned', json_object('id', nft_id) from stays where stay = hops and is_burned;
"""

# One transfer in a hundred was tried before, and failed.
WRITE = f"""
insert into flow.{SCHEMA}.FACT_EVENTS
select height, event_time(height), 'tx-' || height, true, contract, type, data from events
union all
select height - 5, event_time(height - 5), 'tx-' || (height - 5), false, contract, type, data from events
where type = 'Deposit' and pick(data::varchar, 'failed') % 100 = 0
order by height;
drop table ALLDAY_WALLET_HOLDINGS_CURRENT;
drop table ALLDAY_CORE_NFT_METADATA;
"""

COUNTS = f"""
select count(*), count(*) filter (not TX_SUCCEEDED), count(*) filter (EVENT_TYPE = 'MomentNFTMinted'),
    count(*) filter (EVENT_TYPE = 'Deposit'), count(*) filter (EVENT_TYPE = 'NFTLocked'),
    count(*) filter (EVENT_TYPE = 'MomentNFTBurned'), max(BLOCK_HEIGHT)
from flow.{SCHEMA}.FACT_EVENTS
"""


@dataclass(frozen=True)
class ChainSize:
    """The number of events, and of those of each kind; `failed` are of transactions that failed."""

    events: int
    failed: int
    minted: int
    deposited: int
    locked: int
    burned: int
    last_block: int


def generate(sample: Path, seed: int = 1) -> ChainSize:
    """Write the events to a database file beside the sample, and remove the two tables that derive from them."""
    path = sample.with_name(f"{DATABASE}.db")
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    try:
        with duckdb.connect(str(sample), config={"threads": 2, "memory_limit": "2GB"}) as db:
            db.execute(f"set enable_progress_bar = false; set variable seed = {seed}; attach '{path}' as flow")
            db.execute("set schema = 'PUBLIC'")
            for script in (MACROS, TABLE, CREATED, LIVES, MOMENTS, WRITE):
                db.execute(script)
            return ChainSize(*(db.execute(COUNTS).fetchone() or ()))
    except duckdb.Error as exc:
        raise RunnerError(f"the events could not be written to {path}: {exc}") from exc
