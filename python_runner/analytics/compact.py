"""Merges old refreshes of the copy to one a day, in a new history, which then takes the place of the old one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from python_runner.analytics.folder import Engine, Folder, engine, refreshes, write_parquet
from python_runner.analytics.state import FILE, last_refresh, read, scan
from python_runner.analytics.tables import TABLES, quote
from python_runner.analytics.views import write_views
from python_runner.settings import CopySettings

# The refreshes that are merged, each with the last one of its day; the newest refresh stays as it is.
DAYS = """
select max(refresh) as last, min(refresh) as first, count(*) as merged
from (select refresh, max(synced_at) over (order by refresh)::date as day from {refreshes})
where day < {before}
group by day
having last < (select max(refresh) from {refreshes})
order by last
"""


@dataclass(frozen=True)
class CompactResult:
    """How many refreshes there were, and how many are left."""

    before: int
    after: int


def compact(settings: CopySettings, *, days: int, notify: Callable[[str], None] = lambda _text: None) -> CompactResult:
    """Merge refreshes that are older. The state at each refresh that is left stays the same."""
    folder, before = Folder(settings.folder), datetime.now(UTC).date() - timedelta(days)
    with folder.locked(notify), engine(folder.temporary) as connection:
        history = folder.current()
        merged = connection.execute(DAYS.format(refreshes=scan(history), before=f"date {quote(before)}")).fetchall()
        if any(count > 1 for _, _, count in merged):
            folder.commit(_merged(connection, history, merged, folder.temporary / "history"), folder.next_history)
        write_views(connection, folder, folder.current())
        return CompactResult(len(refreshes(history)), len(refreshes(folder.current())))


def _merged(connection: Engine, history: Path, merged: list[tuple[int, int, int]], written: Path) -> Path:
    """Write a history in which some refreshes are merged, each given by its last, its first and their count."""
    last, (upto, _, _) = last_refresh(connection, history), merged[-1]
    for number, first, _ in merged:
        _merge(connection, history, written / f"refresh={number}", first, number, keep=number == merged[0][0])
    for number in refreshes(history):
        if number > upto:
            _link(history / f"refresh={number}", written / f"refresh={number}")
    newest = written / f"refresh={last.number}"
    (newest / FILE).unlink()
    replace(last, state=replace(last.state, merged=len(merged), merged_upto=upto)).write(connection, newest)
    return written


def _merge(connection: Engine, history: Path, written: Path, first: int, last: int, *, keep: bool) -> None:
    """Write the sum of some refreshes under the number of the last one; every table if asked for."""
    written.mkdir(parents=True)
    rows = {}
    for table in TABLES:
        some = f"select * from {table.scan(history)} where refresh between {first} and {last}"
        file = written / table.file
        rows[table.name] = write_parquet(connection, table.sorted(table.net(some)), file)
        if not rows[table.name] and not keep:
            file.unlink()
    replace(read(connection, history / f"refresh={last}"), rows=rows).write(connection, written)


def _link(source: Path, target: Path) -> None:
    """The same files in another directory, without copying them where the file system can."""
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except shutil.Error:
        shutil.rmtree(target)
        shutil.copytree(source, target)
