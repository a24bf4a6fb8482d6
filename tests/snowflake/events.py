"""Random histories of the chain, how their blocks are delivered, and what the source tables must then be."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

FACTS = "FLOW_ONCHAIN_CORE_DATA.CORE.FACT_EVENTS"
CREATE = f"""
create or replace table {FACTS} (
    block_height number, block_timestamp timestamp_ntz, tx_id varchar, tx_succeeded boolean, event_contract varchar,
    event_type varchar, event_data variant)
"""
ALL_DAY, LOCKER = "A.e4cf4bdc1751c65d.AllDay", "A.b6f2481eba4df97b.NFTLocker"
BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001  the table has no time zone
BLOCKS, MOMENTS, WALLETS = 60, 10, ("0xa", "0xb", "0xc", "0xd")
FIELDS = {"first_name": "playerFirstName", "last_name": "playerLastName", "team_name": "teamName",
          "position": "playerPosition", "jersey_number": "playerNumber"}  # fmt: skip

Row = dict[str, Any]


class Event(NamedTuple):
    """An event of a block."""

    height: int
    type: str
    data: dict[str, Any]
    contract: str = ALL_DAY
    succeeded: bool = True

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(hours=self.height)

    def literal(self) -> str:
        data = json.dumps(self.data).replace("'", "''")
        return (
            f"({self.height}, '{self.at}', 'tx{self.height}', {str(self.succeeded).lower()}, '{self.contract}',"
            f" '{self.type}', '{data}')"
        )


def insert(events: Sequence[Event]) -> str:
    """A statement that adds the events to the chain."""
    values = ", ".join(event.literal() for event in events)
    return (
        f"insert into {FACTS} select column1, column2::timestamp_ntz, column3, column4, column5, column6,"
        f" parse_json(column7) from values {values}"
    )


def history(chance: random.Random) -> list[Event]:
    """What happens to a few moments: events of every kind, also two transfers in a block, in the order of the chain."""
    events: list[Event] = []
    owners: dict[int, str | None] = {}
    for number in (1, 2):
        height = chance.randrange(1, BLOCKS)
        metadata = [{"key": field, "value": f"{field} {number}"} for field in FIELDS.values() if chance.random() < 0.9]
        events += [
            Event(chance.randrange(1, BLOCKS), "SeriesCreated", {"id": f"{number}", "name": f"Series {number}"}),
            Event(chance.randrange(1, BLOCKS), "SetCreated", {"id": f"{number}", "name": f"Set {number}"}),
            Event(height, "PlayCreated", {"id": f"{number}", "metadata": metadata}),
            Event(height, "EditionCreated", {"id": f"{number}", "maxMintSize": "50", "playID": f"{number}",
                "seriesID": f"{number}", "setID": f"{3 - number}", "tier": chance.choice(["RARE", "COMMON"])}),
        ]  # fmt: skip
    for height in range(1, BLOCKS):
        for moment in range(1, MOMENTS + 1):
            if moment in owners or chance.random() < 0.1:
                events += _happen(chance, height, moment, owners)
    return sorted(events, key=lambda event: event.height)


def _happen(chance: random.Random, height: int, moment: int, owners: dict[int, str | None]) -> list[Event]:
    key = {"id": f"{moment}"}

    def move(sender: str | None, receiver: str) -> list[Event]:
        owners[moment] = receiver
        deposit = Event(height, "Deposit", key | {"to": receiver})
        return [Event(height, "Withdraw", key | {"from": sender}), deposit] if sender else [deposit]

    if moment not in owners:
        minted = Event(height, "MomentNFTMinted", key | {"editionID": chance.choice("12"), "serialNumber": f"{moment}"})
        return [minted, *move(None, chance.choice(WALLETS))]
    owner = owners[moment]
    lot = chance.random()
    if owner is None or lot > 0.25:
        return []
    first, second = chance.sample([wallet for wallet in WALLETS if wallet != owner], 2)
    if lot < 0.11:
        return move(owner, first) + (move(first, second) if lot < 0.03 else [])
    if lot < 0.14:
        return [Event(height, "Deposit", key | {"to": first}, succeeded=False)]
    if lot < 0.17:
        owners[moment] = None
        return [
            Event(height, "Withdraw", key | {"from": owner}),
            *([Event(height, "MomentNFTBurned", key)] * (lot < 0.155)),
        ]
    locked = chance.random() < 0.5
    return [Event(height, "NFTLocked" if locked else "NFTUnlocked", key | ({"to": owner} if locked else {}), LOCKER)]


def deliveries(chance: random.Random, events: Sequence[Event], builds: int) -> list[list[Event]]:
    """The events by the build before which they arrive: some blocks late, twice or in two halves, and none in order."""
    blocks = defaultdict(list)
    for event in events:
        blocks[event.height].append(event)
    delivered: list[list[Event]] = [[] for _ in range(builds)]
    for height, block in blocks.items():
        due = min(height * builds // BLOCKS, builds - 1)
        first = chance.randrange(due, builds) if chance.random() < 0.3 else due
        later = chance.randrange(first, builds)
        cut = chance.randrange(len(block) + 1) if chance.random() < 0.2 else len(block)
        delivered[first] += block[:cut]
        delivered[later] += block[cut:] if chance.random() < 0.7 else block
    for batch in delivered:
        chance.shuffle(batch)
    return delivered


def holdings(events: Iterable[Event]) -> list[Row]:
    """ALLDAY_WALLET_HOLDINGS_CURRENT by its meaning."""
    rows = []
    for moment, own in _by_moment(events).items():
        last = max((event.height for event in own if event.type == "Deposit"), default=None)
        if last is None:
            continue
        gone = max((event.height for event in own if event.type == "Withdraw"), default=-1) > last
        burned = max((event.height for event in own if event.type == "MomentNFTBurned"), default=-1) >= last
        if gone or burned:
            continue
        block = [event for event in own if event.height == last]
        sent_on = {event.data["from"] for event in block if event.type == "Withdraw"}
        receivers = sorted({event.data["to"] for event in block if event.type == "Deposit"})
        kept = [receiver for receiver in receivers if receiver not in sent_on] or receivers
        locked, unlocked = (
            max((event.height for event in own if event.type == kind), default=-1)
            for kind in ("NFTLocked", "NFTUnlocked")
        )
        at = max(event.at for event in own)
        rows.append({"wallet_address": kept[0], "nft_id": moment, "is_locked": locked > unlocked, "last_event_ts": at})
    return rows


def metadata(events: Sequence[Event]) -> list[Row]:
    """ALLDAY_CORE_NFT_METADATA by its meaning."""
    created = {(event.type, event.data["id"]): event.data for event in events if event.type.endswith("Created")}
    rows = []
    for moment, own in _by_moment(events).items():
        minted = next((event.data for event in own if event.type == "MomentNFTMinted"), None)
        if minted is None:
            continue
        edition = created.get(("EditionCreated", minted["editionID"]), {})
        play = created.get(("PlayCreated", edition.get("playID")), {"metadata": []})
        described = {entry["key"]: entry["value"] for entry in play["metadata"]}
        rows.append({
            "nft_id": moment,
            "edition_id": minted["editionID"],
            "play_id": edition.get("playID"),
            "series_id": edition.get("seriesID"),
            "series_name": created.get(("SeriesCreated", edition.get("seriesID")), {}).get("name"),
            "set_id": edition.get("setID"),
            "set_name": created.get(("SetCreated", edition.get("setID")), {}).get("name"),
            "tier": edition.get("tier"),
            "max_mint_size": int(edition["maxMintSize"]) if edition else None,
            "serial_number": int(minted["serialNumber"]),
            **{column: described.get(field) for column, field in FIELDS.items()},
        })  # fmt: skip
    return rows


def _by_moment(events: Iterable[Event]) -> dict[str, list[Event]]:
    moments = defaultdict(list)
    for event in events:
        if event.succeeded and not event.type.endswith("Created"):
            moments[event.data["id"]].append(event)
    return moments
