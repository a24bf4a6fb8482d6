"""What the commands print: tables and progress for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from python_runner.dbt import Built
from python_runner.load import Loaded
from python_runner.stage import Meter

WIDTH = 100  # what the tables need; a narrower terminal wraps the lines

console = Console(highlight=False)
console.width = max(console.width, WIDTH)
errors = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, default=_plain, indent=2)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def print_rows(title: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """A table with the keys of the first row as its head."""
    rows = list(rows)
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], (int, float)) or row[name] is None for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    console.print(table)
    console.print()


def print_loads(loaded: Iterable[Loaded]) -> None:
    """What each load fetched and changed."""
    print_rows(
        "loaded",
        [
            {
                "source": one.source,
                "load": one.mode,
                "rows": one.rows_fetched,
                "inserted": one.rows_inserted,
                "updated": one.rows_updated,
                "deleted": one.rows_deleted,
                "rejected": one.rows_rejected,
                "seconds": one.seconds,
                "rows/s": round(one.rows_fetched / one.seconds),
            }
            for one in loaded
        ],
    )


def print_build(built: Built) -> None:
    """How many nodes of each kind dbt built, and what warned."""
    nodes = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in sorted(built.nodes.items()))
    console.print(f"built {nodes.replace('_', ' ')} in {built.seconds:.1f} s")
    for warning in built.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)


@contextmanager
def progress(*, visible: bool) -> Iterator[Progress]:
    """A progress display that exists on a terminal only."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not (visible and errors.is_terminal),
    )
    with bar:
        yield bar


class SourceMeter(Meter):
    """A load on the progress display."""

    def __init__(self, bar: Progress, source: str) -> None:
        self._bar, self._rows, self._started = bar, 0, perf_counter()
        self._task = bar.add_task(source, total=None, detail="planning")

    def expect(self, pages: int) -> None:
        """Batches to come."""
        self._bar.update(self._task, total=pages)

    def page(self, rows: int) -> None:
        """Rows so far and rows a second."""
        self._rows += rows
        rate = self._rows / (perf_counter() - self._started)
        self._bar.update(self._task, advance=1, detail=f"{self._rows:,} rows, {rate:,.0f} rows/s")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "bytes":
        return f"{value / 2**20:,.1f} MiB"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)
