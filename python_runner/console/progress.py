"""Reports the progress of a running command: progress bars for people, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from python_runner.ingest.source_progress import SourceProgress

stderr = Console(stderr=True, highlight=False)


class ProgressListener(Protocol):
    """Receives events: a name and its fields."""

    def emit(self, event: str, **fields: Any) -> None:
        """Report one event."""

    def message(self, text: str) -> None:
        """Report a text for people."""
        self.emit("message", text=text)


class JsonLines(ProgressListener):
    """Writes each event as a JSON line on standard error."""

    def emit(self, event: str, **fields: Any) -> None:
        """Write the line in one call, because several threads emit events."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        sys.stderr.write(json.dumps({"time": now, "event": event, **fields}, default=str) + "\n")
        sys.stderr.flush()


class ProgressBars(ProgressListener):
    """Shows a progress bar for each step and source, and prints messages above them."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._last = TaskID(0)
        self._tasks: dict[str, TaskID] = {}

    def emit(self, event: str, **fields: Any) -> None:
        """Update the bar; events that are for machines only are ignored."""
        task = self._tasks.get(fields.get("source", ""), self._last)
        match event:
            case "message":
                self._bar.console.print(fields["text"], markup=False, soft_wrap=True)
            case "resumed":
                self._bar.console.print("{source}: resumed; {batches:,} batches are already staged".format(**fields))
            case "started":
                self._last = self._tasks[fields["step"]] = self._bar.add_task(fields["step"], total=None, detail="")
            case "compared":
                self._bar.update(task, detail="{differing:,} of {buckets:,} buckets differ".format(**fields))
            case "planned":
                self._bar.update(task, total=fields["total"])
            case "batch":
                detail = "{rows:,} rows, {rows_per_second:,} rows/s".format(**fields)
                waited = f", waited {fields['waited_seconds']:,.1f} s for the rate limit"
                self._bar.update(
                    task, completed=fields["batch"], detail=detail + waited * (fields["waited_seconds"] > 0)
                )
            case "node":
                self._bar.update(task, advance=1, detail=fields["name"])
            case "ended":
                self._bar.update(task, total=1, completed=1)


class SourceProgressEmitter(SourceProgress):
    """Counts the batches of one source and emits an event for each."""

    def __init__(self, listener: ProgressListener, source: str, waited: Callable[[], float] = lambda: 0.0) -> None:
        self._listener, self._source, self._waited = listener, source, waited
        self._waited_before, self._started = waited(), perf_counter()
        self._rows = self._batches = 0
        self._lock = threading.Lock()
        listener.emit("started", step=source, source=source)

    def checksums_compared(self, buckets: int, differing: int) -> None:
        """The checksums are compared."""
        self._listener.emit("compared", source=self._source, buckets=buckets, differing=differing)

    def pages_planned(self, pages: int) -> None:
        """The number of remaining batches is known."""
        self._listener.emit("planned", source=self._source, total=pages)

    def pages_resumed(self, pages: int) -> None:
        """An interrupted load is resumed."""
        self._listener.emit("resumed", source=self._source, batches=pages)

    def page_staged(self, rows: int) -> None:
        """A batch is staged."""
        with self._lock:
            self._rows += rows
            self._batches += 1
            self._listener.emit(
                "batch",
                source=self._source,
                batch=self._batches,
                rows=self._rows,
                rows_per_second=round(self._rows / (perf_counter() - self._started)),
                waited_seconds=round(self._waited() - self._waited_before, 3),
            )


@contextmanager
def progress_listener(*, as_json: bool) -> Iterator[ProgressListener]:
    """JSON lines for machines; progress bars on a terminal; otherwise only messages."""
    if as_json:
        yield JsonLines()
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )
    with bar:
        yield ProgressBars(bar)


@contextmanager
def step(listener: ProgressListener, name: str) -> Iterator[None]:
    """Emit an event when a step starts and when it has ended."""
    listener.emit("started", step=name)
    yield
    listener.emit("ended", step=name)
