"""What can happen to a database and its copy, and what must hold after each sync."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import psycopg
import pytest

from python_runner.analytics import snapshot
from python_runner.analytics.compact import CompactResult, compact
from python_runner.analytics.folder import Folder
from python_runner.analytics.snapshot import Snapshot
from python_runner.analytics.sync import SyncResult, sync, verify
from python_runner.analytics.tables import EDITIONS, FACTS, LOGS, NAMES, WALLET_EDITIONS, Table
from python_runner.settings import AnalyticsSettings
from tests.analytics.killing import killed_at
from tests.delta.conftest import Workshop
from tests.delta.market import Change, Market
from tests.delta.project import Connection, Project, Run

Event = Literal["copy", "_place"]
Rows = list[tuple[Any, ...]]
HOURS = 7  # between two syncs, as the copy sees them

# What the facts are, from the other two tables of the copy alone.
JOINED = """
select
    held.wallet_address,
    editions.tier,
    editions.team_name,
    sum(held.moments)::bigint,
    sum(held.locked)::bigint,
    sum(held.moments * coalesce(lowest_ask_usd, 0) * 100)::bigint,
    sum(held.moments * coalesce(avg_sale_usd, 0) * 100)::bigint,
    sum(case when coalesce(lowest_ask_usd, avg_sale_usd) is not null then held.moments else 0 end)::bigint
from (
    select wallet_address, edition_id, sum(moments) as moments, sum(locked) as locked
    from int_wallet_editions where refresh <= {n} group by all
) as held
left join (
    select * exclude (refresh, weight), sum(weight) as weight from int_editions where refresh <= {n} group by all
    having sum(weight) > 0
) as editions on held.edition_id = editions.edition_id
group by all
having count(*) filter (where held.moments <> 0 or held.locked <> 0) > 0
"""


@dataclass
class Story:
    """A database, its copy, and the state of each refresh as it was when it was new."""

    workshop: Workshop
    market: Market
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[int, dict[str, Rows]] = field(default_factory=dict)
    complete: bool = True
    hours: int = 0

    def __post_init__(self) -> None:
        self.project: Project = self.workshop.renew("traded")
        self.market = deepcopy(self.market)
        self.saved: tuple[Market, bool] | None = None
        self.connection = self._connect()

    @property
    def settings(self) -> AnalyticsSettings:
        return AnalyticsSettings(database_url=self.project.url, analytics_folder=self.folder, _env_file=None)  # type: ignore[arg-type,call-arg]

    def trade(self, changes: Iterable[Change]) -> None:
        self.market.happen(changes)
        self.market.load_all(self.connection)
        self.complete = False

    def run(self, *models: str, **options: Any) -> Run:
        """Run these models, by default the changelogs."""
        self.counts["runs"] += 1
        run = self.project.run(*(models or ("intermediate",)), **options)
        assert run.ok, run.errors
        self.complete = self.complete or not models or "intermediate" in models
        return run

    def compact_changelogs(self) -> None:
        """A run of the marts too, which have then read everything."""
        self.counts["compactions of changelogs"] += 1
        self.run("marts", "intermediate", compact_share=0)

    def truncate(self) -> None:
        """A changelog loses its rows and is built again."""
        self.counts["truncations"] += 1
        self.connection.execute("truncate int_wallet_facts")
        self.connection.execute("delete from delta.changelog_sizes where changelog = 'int_wallet_facts'::regclass")
        self.run("int_wallet_facts", full_refresh=True)

    def save(self) -> None:
        """Keep the database as it is."""
        self._close()
        self.workshop.database._drop(self.workshop.database._kept("saved"))
        self.workshop.database.keep("saved")
        self.workshop.database.renew("saved")
        self.saved = deepcopy((self.market, self.complete))
        self.connection = self._connect()

    def restore(self) -> None:
        """The database as it was kept."""
        if not self.saved:
            return self.save()
        self.counts["restores"] += 1
        self._close()
        self.workshop.database.renew("saved")
        self.market, self.complete = deepcopy(self.saved)
        self.connection = self._connect()
        return None

    def sync(self, meanwhile: Callable[[], object] | None = None, *, before: Event = "copy") -> SyncResult:
        """Sync, perhaps while something else happens to Postgres, and check everything."""
        self.counts["syncs"] += 1
        was_complete, expected = self.complete, self.of_postgres()
        with pytest.MonkeyPatch.context() as patch:
            self._at_its_hour(patch)
            if meanwhile:
                self.counts["syncs with a build beside them"] += 1
                self._beside(patch, meanwhile, before)
            done = sync(self.settings)
        assert done.refresh is not None
        self.counts["syncs that compared"] += any("loaded" not in reason for reason in done.compared.values())
        self.check(done.refresh, expected if was_complete else {})
        return done

    def kill_sync(self, call: int) -> None:
        """A sync that is killed at its n-th call to the system: the copy is as it was, or has the refresh."""
        self.counts["kills"] += 1
        killed_at(call, self.folder, self.only_sync)
        self.check_earlier()

    def only_sync(self) -> SyncResult:
        """A sync at the next hour, without checks."""
        with pytest.MonkeyPatch.context() as patch:
            self._at_its_hour(patch)
            return sync(self.settings)

    def compact_copy(self) -> CompactResult:
        """Merge the refreshes of each day, whatever its age; what is left answers as before."""
        self.counts["compactions of the copy"] += 1
        done = compact(self.settings, days=-10_000)
        left = set(self.numbers())
        self.seen = {number: rows for number, rows in self.seen.items() if number in left}
        self.check_earlier()
        return done

    def check(self, refresh: int, expected: dict[str, Rows]) -> None:
        """What a sync must have done."""
        newest = self.of_copy(refresh)
        for name, rows in expected.items():
            assert newest[name] == rows, f"refresh {refresh}: {name} is not what Postgres has"
        self.assert_consistent(refresh)
        self.seen.setdefault(refresh, newest)
        self.check_earlier()
        left = {entry.name.partition("-")[0] for entry in self.folder.iterdir()}
        assert left == {".lock", "collection.duckdb", "history"}

    def check_earlier(self) -> None:
        """Each refresh answers as it did."""
        for number, rows in self.seen.items():
            self.counts["answers compared"] += 1
            assert self.of_copy(number) == rows, f"refresh {number} has changed"

    def verify(self) -> None:
        assert not any(verify(self.settings).rows.values())

    def after_compaction(self) -> list[int]:
        """The refreshes that a compaction leaves: the last one of each day, and all of the newest day."""
        days = "select max(refresh), list(refresh order by refresh) from refreshes group by synced_at::date order by 1"
        *earlier, (_, newest) = self.ask(days)
        return [*(last for last, _ in earlier), *newest]

    def numbers(self) -> list[int]:
        return [number for (number,) in self.ask("select refresh from refreshes order by refresh")]

    def of_copy(self, refresh: int) -> dict[str, Rows]:
        """The sums as of a refresh, and the names."""
        logs = {table.name: self.ask(_summed(table, f"where refresh <= {refresh}")) for table in LOGS}
        return logs | {NAMES.name: self.ask(_names(self.folder, refresh))}

    def of_postgres(self) -> dict[str, Rows]:
        """The sums of everything."""
        logs = {table.name: self.connection.execute(_summed(table).encode()).fetchall() for table in LOGS}
        names = "select wallet_address, nullif(trim(display_name), '') from raw.wallet_profiles order by 1"
        return logs | {NAMES.name: self.connection.execute(names).fetchall()}

    def assert_consistent(self, refresh: int) -> None:
        """Facts are what is held, at the prices of the same moment."""
        columns = ", ".join(map(str, range(1, 9)))
        joined = self.ask(f"select * from ({JOINED.format(n=refresh)}) order by {columns}")
        facts = self.ask(f"select * from ({_summed(FACTS, f'where refresh <= {refresh}')}) order by {columns}")
        assert joined == facts, f"refresh {refresh}: {WALLET_EDITIONS.name} and {EDITIONS.name} are of another time"

    def ask(self, question: str) -> Rows:
        """As any tool does."""
        with duckdb.connect(str(self.folder / "collection.duckdb"), read_only=True) as connection:
            return connection.execute(question).fetchall()

    def close(self) -> None:
        self._close()

    def _at_its_hour(self, patch: pytest.MonkeyPatch) -> None:
        self.hours += HOURS
        now = f"(timestamptz '2025-01-01 00:00Z' + interval '{self.hours} hours')"
        patch.setattr(snapshot, "SERVER", snapshot.SERVER.replace("now()", now))

    def _beside(self, patch: pytest.MonkeyPatch, meanwhile: Callable[[], object], before: Event) -> None:
        """When the snapshot is taken: before the first position is read, or before the first row."""
        owner, waiting = {"copy": Snapshot, "_place": snapshot}[before], [meanwhile]
        read = getattr(owner, before)

        def read_later(*arguments: Any, **bounds: Any) -> Any:
            if waiting:
                waiting.pop()()
            return read(*arguments, **bounds)

        patch.setattr(owner, before, read_later)

    def _connect(self) -> Connection:
        return psycopg.connect(self.project.url, autocommit=True)

    def _close(self) -> None:
        self.connection.close()


def _summed(table: Table, where: str = "") -> str:
    """The same SQL for both."""
    keys = ", ".join(f'"{name}"' for name in table.keys)
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in table.sums)
    some = " or ".join(f"sum({name}) <> 0" for name in table.sums)
    order = ", ".join(f'"{name}" nulls first' for name in table.keys)
    return f"select {keys}, {sums} from {table.name} {where} group by {keys} having {some} order by {order}"


def _names(folder: Path, refresh: int) -> str:
    """The names as of a refresh, for which there is no view."""
    history = Folder(folder).current()
    rows = f"select * from {NAMES.scan(history)} where refresh <= {refresh}"
    return f"select wallet_address, display_name from ({NAMES.net(rows)}) order by wallet_address"
