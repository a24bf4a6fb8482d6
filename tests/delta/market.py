"""A market of a dozen moments: what Snowflake holds, every way it can change, and what a load sees of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.delta.project import Connection, Row, load

HOLDINGS, METADATA, PRICES, PROFILES = (
    "wallet_holdings",
    "nft_core_metadata",
    "edition_price_scrape",
    "wallet_profiles",
)
SOURCES = (HOLDINGS, METADATA, PRICES, PROFILES)
MOMENTS = range(1, 13)
WALLETS = ("0xa", "0xb", "0xc", "0xe4cf4bdc1751c65d")
EDITIONS = ("ED1", "ED2", "ED3", "ED4")
TIERS = ("COMMON", "rare", "Ultimate", "FANDOM", "", None)
TEAMS = ("Lions", "Bears", " ", None)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

Change = tuple[Any, ...]


class Market:
    """The four tables of the source as they are, and which rows changed since they were last loaded."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Row]] = {source: {} for source in SOURCES}
        self.changed: dict[str, set[Any]] = defaultdict(set)
        self.now = BEGIN

    def happen(self, changes: Iterable[Change]) -> None:
        """Each change is the name of a method with its arguments."""
        for kind, *arguments in changes:
            getattr(self, kind)(*arguments)

    def load(self, connection: Connection, source: str, *, whole: bool, twice: bool) -> None:
        """Everything, or what changed; a row that is gone is seen only by who fetches everything."""
        table = self.tables[source]
        rows = [table[key] for key in table if whole or key in self.changed[source]]
        if twice:
            rows += rows
            if source == HOLDINGS:  # and once more as it was before
                rows += [row | {"wallet_address": WALLETS[0], "last_event_ts": BEGIN} for row in rows]
        load(connection, source, rows, whole=whole)
        self.changed[source].clear()

    def load_all(self, connection: Connection, *, whole: bool = False, twice: bool = False) -> None:
        """Every source as an ordinary load reads it, or everything."""
        for source in SOURCES:
            self.load(connection, source, whole=whole or source in (PRICES, PROFILES), twice=twice)

    def transfer(self, moment: int, wallet: str) -> None:
        if moment in self.tables[HOLDINGS]:
            self._hold(moment, wallet_address=wallet)

    def lock(self, moment: int, locked: bool) -> None:
        if moment in self.tables[HOLDINGS]:
            self._hold(moment, is_locked=locked)

    def mint(self, moment: int, wallet: str, edition: str | None) -> None:
        """Its metadata may come later."""
        self._hold(moment, wallet_address=wallet, is_locked=False)
        if edition:
            self.describe(moment, edition)

    def burn(self, moment: int) -> None:
        self._remove(HOLDINGS, moment)

    def describe(self, moment: int, edition: str | None) -> None:
        """Metadata that arrives, or is corrected: the moment is of another edition, or of none."""
        known = [row for row in self.tables[METADATA].values() if row["edition_id"] == edition]
        new = {"tier": "COMMON", "team_name": "Lions", "first_name": f"Player {edition}", "set_name": "Base"}
        self._put(METADATA, moment, {"serial_number": moment, **(known[0] if known else new), "nft_id": moment,
                                     "edition_id": edition})  # fmt: skip

    def forget(self, moment: int) -> None:
        self._remove(METADATA, moment)

    def renumber(self, moment: int, serial: int | None) -> None:
        if moment in self.tables[METADATA]:
            self._put(METADATA, moment, {"serial_number": serial})

    def correct(self, edition: str, tier: str | None, team: str | None, moments: set[int]) -> None:
        """An edition's attributes, on those of its moments."""
        for moment, row in self.tables[METADATA].items():
            if row["edition_id"] == edition and moment in moments:
                self._put(METADATA, moment, {"tier": tier, "team_name": team})

    def move(self, edition: str, set_name: str | None) -> None:
        """An edition to another set."""
        for moment, row in self.tables[METADATA].items():
            if row["edition_id"] == edition:
                self._put(METADATA, moment, {"set_name": set_name})

    def strip(self, moment: int) -> None:
        """Nothing is left of its metadata but the edition."""
        row = self.tables[METADATA][moment]
        self._put(METADATA, moment, dict.fromkeys(row) | {"nft_id": moment, "edition_id": row["edition_id"]})

    def price(self, edition: str, ask: float | None, average: float | None) -> None:
        self._put(PRICES, edition, {"edition_id": edition, "lowest_ask_usd": ask, "avg_sale_usd": average})

    def unprice(self, edition: str) -> None:
        self._remove(PRICES, edition)

    def rename(self, wallet: str, name: str | None) -> None:
        self._put(PROFILES, wallet, {"wallet_address": wallet, "display_name": name})

    def unname(self, wallet: str) -> None:
        self._remove(PROFILES, wallet)

    def sell_all(self, wallet: str, buyer: str | None) -> None:
        """The wallet is emptied: by transfers, or by burns."""
        for moment in [m for m, row in self.tables[HOLDINGS].items() if row["wallet_address"] == wallet]:
            if buyer:
                self.transfer(moment, buyer)
            else:
                self.burn(moment)

    def buy(self, wallet: str, moments: set[int]) -> None:
        for moment in moments:
            self.mint(moment, wallet, None)

    def _hold(self, moment: int, **columns: Any) -> None:
        self.now += timedelta(seconds=1)
        self._put(HOLDINGS, moment, {"nft_id": moment, "last_event_ts": self.now, **columns})

    def _put(self, source: str, key: Any, row: Row) -> None:
        self.tables[source][key] = self.tables[source].get(key, {}) | row
        self.changed[source].add(key)

    def _remove(self, source: str, key: Any) -> None:
        self.tables[source].pop(key, None)
        self.changed[source].discard(key)
