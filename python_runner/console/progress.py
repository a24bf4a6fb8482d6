"""How a running command says how far it is: bars for people, one JSON object a line for machines."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from time import perf_counter
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from python_runner.ingest.source_progress import Meter

errors = Console(stderr=True, highlight=False)


class Narrator(Protocol):
    """Is told what happens: an event and its figures."""

    def tell(self, event: str, **figures: Any) -> None:
        """Say it."""


class Lines(Narrator):
    """JSON lines on standard error."""

    def tell(self, event: str, **figures: Any) -> None:
        """Write one line at once, since several threads do."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        sys.stderr.write(json.dumps({"time": now, "event": event, **figures}, default=str) + "\n")
        sys.stderr.flush()


class Bars(Narrator):
    """A bar for each step and source; messages go above them."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = TaskID(0)

    def tell(self, event: str, **figures: Any) -> None:
        """Show what the event changes; others are for machines."""
        match event:
            case "message":
                self._bar.console.print(figures["text"], markup=False)
            case "resumed":
                self._bar.console.print("{source}: goes on after {batches:,} batches that are staged".format(**figures))
            case "started":
                self._task = self._bar.add_task(figures["step"], total=None, detail="")
            case "compared":
                self._bar.update(self._task, detail="{differing:,} of {buckets:,} buckets differ".format(**figures))
            case "planned":
                self._bar.update(self._task, total=figures["total"])
            case "batch":
                detail = "{rows:,} rows, {rows_per_second:,} rows/s".format(**figures)
                waited = f", waited {figures['waited_seconds']:,.1f} s for the rate limit"
                self._bar.update(
                    self._task, completed=figures["batch"], detail=detail + waited * (figures["waited_seconds"] > 0)
                )
            case "node":
                self._bar.update(self._task, advance=1, detail=figures["name"])
            case "ended":
                self._bar.update(self._task, total=1, completed=1)


class SourceMeter(Meter):
    """Counts the batches of one source and tells of each."""

    def __init__(self, narrator: Narrator, source: str, waited: Callable[[], float] = lambda: 0.0) -> None:
        self._narrator, self._source, self._waited = narrator, source, waited
        self._before, self._started = waited(), perf_counter()
        self._rows = self._batches = 0
        self._lock = threading.Lock()
        narrator.tell("started", step=source, source=source)

    def compared(self, buckets: int, differing: int) -> None:
        """Checksums are compared."""
        self._narrator.tell("compared", source=self._source, buckets=buckets, differing=differing)

    def expect(self, pages: int) -> None:
        """Batches to come."""
        self._narrator.tell("planned", source=self._source, total=pages)

    def kept(self, pages: int) -> None:
        """An interrupted load goes on."""
        self._narrator.tell("resumed", source=self._source, batches=pages)

    def page(self, rows: int) -> None:
        """A batch is staged."""
        with self._lock:
            self._rows += rows
            self._batches += 1
            self._narrator.tell(
                "batch",
                source=self._source,
                batch=self._batches,
                rows=self._rows,
                rows_per_second=round(self._rows / (perf_counter() - self._started)),
                waited_seconds=round(self._waited() - self._before, 3),
            )


@contextmanager
def narrator(*, as_json: bool) -> Iterator[Narrator]:
    """Lines for machines; bars on a terminal, and elsewhere the messages alone."""
    if as_json:
        yield Lines()
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        yield Bars(bar)


@contextmanager
def step(teller: Narrator, what: str) -> Iterator[None]:
    """Tell when something begins and has ended."""
    teller.tell("started", step=what)
    yield
    teller.tell("ended", step=what)
