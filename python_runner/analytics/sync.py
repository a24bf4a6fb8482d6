"""Brings the copy up to date, and compares it with Postgres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from python_runner.analytics.folder import FROM_SCRATCH, Engine, Folder, engine, write_parquet
from python_runner.analytics.snapshot import NotBuiltError, Snapshot, open_snapshot
from python_runner.analytics.state import FILE, Origin, Place, Refresh, State, last_refresh
from python_runner.analytics.tables import LOGS, NAMES, TABLES, Table
from python_runner.analytics.views import write_views
from python_runner.errors import RunnerError
from python_runner.settings import AnalyticsSettings

Notify = Callable[[str], None]
FIRST_ROWS = 5


@dataclass(frozen=True)
class SyncResult:
    """What a sync did. Without a new refresh, `refresh` is the last one, or None if there is none."""

    refresh: int | None
    rows: dict[str, int] = field(default_factory=dict)
    compared: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class VerifyResult:
    """What differs: for each table the number of rows and the first of them."""

    refresh: int
    rows: dict[str, int]
    first: dict[str, list[dict[str, Any]]]
    skipped: dict[str, str]
    seconds: float = 0.0

    def check(self) -> None:
        """RunnerError if anything differs."""
        if differing := {name: count for name, count in self.rows.items() if count}:
            counts = ", ".join(f"{count:,} rows of {name}" for name, count in differing.items())
            raise RunnerError(f"the copy differs from Postgres in {counts}: {FROM_SCRATCH}")


def sync(
    settings: AnalyticsSettings,
    *,
    from_scratch: bool = False,
    moved: bool = False,
    notify: Notify = lambda _text: None,
) -> SyncResult:
    """Append what the changelogs gained since the last refresh of the copy.

    Where reading cannot go on from the last position, append the difference of the sums. `moved` accepts another
    server.
    """
    begin, folder = perf_counter(), Folder(settings.folder)
    with folder.locked(notify, create=True), engine(folder.temporary) as connection:
        history = None if from_scratch else folder.history
        last = last_refresh(connection, history) if history else None
        try:
            with open_snapshot(settings) as snapshot:
                if last and not moved:
                    _check_origin(last.state.origin, snapshot.origin, folder)
                plan = _plan(last, snapshot)
                for table in TABLES:
                    if table.name in plan:
                        snapshot.copy(table, _csv(folder, table), after=plan[table.name].after)
        except NotBuiltError as reason:
            return SyncResult(last.number if last else None, waiting=str(reason), seconds=perf_counter() - begin)
        result = _Copy(connection, folder, history, last).append(snapshot, plan)
        if current := folder.history:
            write_views(connection, folder, current)
    return replace(result, seconds=round(perf_counter() - begin, 3))


def verify(settings: AnalyticsSettings, *, notify: Notify = lambda _text: None) -> VerifyResult:
    """Compare the sums of the copy with those of Postgres at the positions of the last refresh."""
    begin, folder = perf_counter(), Folder(settings.folder)
    with folder.locked(notify), engine(folder.temporary) as connection:
        history = folder.current()
        last = last_refresh(connection, history)
        with open_snapshot(settings) as snapshot:
            _check_origin(last.state.origin, snapshot.origin, folder)
            if changed := {name: step.reason for name, step in _plan(last, snapshot).items() if step.reason}:
                raise RunnerError(f"{_listed(changed)} since the last sync: run `runner analytics sync` first")
            skipped = (
                {} if last.state.names == snapshot.names else {NAMES.name: "names were loaded since the last sync"}
            )
            compared = [table for table in TABLES if table.name not in skipped]
            for table in compared:
                place = last.state.places.get(table.name)
                snapshot.copy(table, _csv(folder, table), upto=place.position if place else None)
        rows, first = {}, {}
        for table in compared:
            difference = table.net(f"{table.csv(_csv(folder, table))} union all {table.negated(history)}")
            connection.execute(f"create temp table {table.name} as {difference}")
            rows[table.name] = _count(connection.execute(f"select count(*) from {table.name}"))
            first[table.name] = _rows(connection.execute(f"from {table.name} limit {FIRST_ROWS}"))
    return VerifyResult(last.number, rows, first, skipped, round(perf_counter() - begin, 3))


@dataclass(frozen=True)
class Step:
    """What to read of a table: the steps after a number, or everything, to be compared, for a reason."""

    after: int = 0
    reason: str = ""


def _plan(last: Refresh | None, snapshot: Snapshot) -> dict[str, Step]:
    if not last:
        return {table.name: Step() for table in TABLES}
    restarted = (
        "the server was restarted or the database restored" if last.state.incarnation != snapshot.incarnation else ""
    )
    plan = {table.name: _step(last.state.places[table.name], snapshot.places[table.name], restarted) for table in LOGS}
    if restarted or last.state.names != snapshot.names:
        plan[NAMES.name] = Step(reason=restarted or "names were loaded")
    return plan


def _step(known: Place, now: Place, restarted: str) -> Step:
    if restarted:
        return Step(reason=restarted)
    if known.relation != now.relation:
        return Step(reason="it is another table")
    if (known.least, known.files) != (now.least, now.files) or now.position < known.position:
        return Step(reason="it was compacted or truncated")
    return Step(after=known.position)


@dataclass(frozen=True)
class _Copy:
    """The history to append to, with its last refresh; both None if a history begins."""

    connection: Engine
    folder: Folder
    history: Path | None
    last: Refresh | None

    def append(self, snapshot: Snapshot, plan: dict[str, Step]) -> SyncResult:
        """Write what the CSV files add, as one refresh. If they add nothing, write down only how far was read."""
        state = State(snapshot.origin, snapshot.incarnation, snapshot.places, snapshot.names)
        if self.last:
            state = replace(state, merged=self.last.state.merged, merged_upto=self.last.state.merged_upto)
        number = self.last.number + 1 if self.last else 1
        written = self.folder.temporary / "history" / f"refresh={number}"
        written.mkdir(parents=True)
        rows = {table.name: self._write(table, plan.get(table.name), written) for table in TABLES}
        compared = {name: step.reason for name, step in plan.items() if step.reason}
        if self.last and self.history and not any(rows.values()):
            if state != self.last.state:
                replace(self.last, state=state).write(self.connection, written)
                self.folder.replace(written / FILE, self.history / f"refresh={self.last.number}" / FILE)
            return SyncResult(self.last.number, compared=compared)
        Refresh(number, snapshot.now, state, rows).write(self.connection, written)
        if self.history:
            self.folder.commit(written, self.history / written.name)
        else:
            self.folder.commit(written.parent, self.folder.next_history)
        return SyncResult(number, rows, compared)

    def _write(self, table: Table, step: Step | None, written: Path) -> int:
        """Write the rows that do not cancel out. Only the first refresh has a file without rows."""
        if not step:
            return 0
        csv, file = _csv(self.folder, table), written / table.file
        rows = table.csv(csv)
        if self.history and step.reason:
            rows += f" union all {table.negated(self.history)}"
        count = write_parquet(self.connection, table.sorted(table.net(rows)), file)
        csv.unlink()
        if self.last and not count:
            file.unlink()
        return count


def _check_origin(known: Origin, now: Origin, folder: Folder) -> None:
    if known != now:
        raise RunnerError(
            f"the copy in {folder.path} is of {known}, not of {now}: set another ANALYTICS_FOLDER; if the database has"
            f" moved, `runner analytics sync --moved`; {FROM_SCRATCH}"
        )


def _csv(folder: Folder, table: Table) -> Path:
    return folder.temporary / f"{table.name}.csv"


def _count(result: Engine) -> int:
    return int((result.fetchone() or (0,))[0])


def _rows(result: Engine) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _listed(reasons: dict[str, str]) -> str:
    return ", ".join(f"{name}: {reason}" for name, reason in reasons.items())
