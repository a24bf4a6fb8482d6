"""The log of a worker: one line an event, with the id and the name of the job."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

from python_runner.console.progress import JsonLines, ProgressListener

# What people see; machines see every event.
LINES = {
    "message": "{text}",
    "loaded": "{source}: {rows_fetched:,} rows, {rows_inserted:,} inserted, {rows_updated:,} updated,"
    " {rows_deleted:,} deleted in {seconds:.1f} s",
    "synced": "refresh {refresh} of the copy in {seconds:.1f} s",
    "built": "built in {seconds:.1f} s",
    "job_started": "started",
    "job_succeeded": "succeeded in {seconds:.1f} s",
    "job_failed": "failed: {error}",
    "job_retried": "failed: {error}; tried again in {pause:,} s",
    "job_requeued": "queued again: {error}",
    "job_cancelled": "cancelled",
}


class JobLog(ProgressListener):
    """Writes events on standard error: text for people, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.job: tuple[int, str] | None = None

    def emit(self, event: str, **fields: Any) -> None:
        """Write the line in one call, because several threads emit events."""
        job, name = self.job or (None, None)
        if self.as_json:
            JsonLines().emit(event, **({"job": job, "job_name": name} if job else {}), **fields)
        elif line := LINES.get(event):
            origin = f"{name}[{job}]" if job else "worker"
            sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {origin}: {line.format(**fields)}\n")
            sys.stderr.flush()


class OneLine(logging.Handler):
    """Passes what procrastinate reports on to the log, without tracebacks."""

    def __init__(self, log: JobLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """The outcome of a job is reported by the worker."""
        if getattr(record, "action", "") != "job_error":
            self._log.emit("message", text=" ".join(record.getMessage().split()))
