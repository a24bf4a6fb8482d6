"""The process that does the work of jobs, one after the other. It keeps what takes long to make: imports, the parsed
project, the connections. The worker writes a request on its standard input, and it writes an outcome on its standard
output, each as a JSON line. When the worker ends in any way, the input ends, and this process ends at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import cached_property
from queue import SimpleQueue
from typing import Any

from python_runner import refresh
from python_runner.analytics import checked_settings
from python_runner.errors import RunnerError, TransientError, UsageError
from python_runner.jobs.log import JobLog
from python_runner.jobs.names import JobName, JobRequest
from python_runner.postgres.run_lock import RunLock, hold_run_lock
from python_runner.settings import PostgresSettings, postgres_settings, snowflake_settings
from python_runner.sources import read_sources, select_sources
from python_runner.transform import dbt_build

MODES: dict[JobName, refresh.LoadMode] = {
    JobName.refresh: "ordinary",
    JobName.full_refresh: "full",
    JobName.reconcile: "reconcile",
}


class Warm:
    """What is kept from job to job."""

    def __init__(self, log: JobLog, kept: ExitStack) -> None:
        self._log = log
        self._kept = kept
        self._lock: RunLock | None = None

    @cached_property
    def postgres(self) -> PostgresSettings:
        """The settings of the worker that started this process."""
        return postgres_settings()

    @cached_property
    def parsed(self) -> dbt_build.ParsedProject:
        """The project, parsed once: a process is replaced when a file of the project changes."""
        return dbt_build.parse(self.postgres)

    @cached_property
    def connections(self) -> refresh.Connections:
        """The pool and the Snowflake sessions."""
        return self._kept.enter_context(
            refresh.connect(self.postgres, snowflake_settings(), self._log, self._check_lock)
        )

    def prepare(self) -> None:
        """Do what the first job would wait for."""
        import snowflake.connector  # noqa: PLC0415

        _ = snowflake.connector, self.parsed

    def run(self, request: JobRequest) -> None:
        """Do the job, while holding the run lock if it writes to Postgres."""
        name = JobName(request.name)
        if name is JobName.analytics:
            self._sync()
            return
        command = f"worker: {name} (job {request.id})"
        with hold_run_lock(self.postgres, command, wait=True, notify=self._log.message) as self._lock:
            if name is JobName.maintain:
                refresh.maintain(self.postgres, self._log, parsed=self.parsed)
                return
            self.connections.pool.check()  # the server can have restarted since the last job
            _, built = refresh.run(
                self.postgres,
                self.connections,
                select_sources(read_sources(), request.source),
                self._log,
                mode=MODES[name],
                lock=self._lock,
                parsed=self.parsed,
            )
            self._log.emit("built", **asdict(built))
        if name is JobName.full_refresh and os.environ.get("ANALYTICS_FOLDER"):
            self._verify_copy()

    def _sync(self) -> None:
        """Bring the columnar copy up to date."""
        settings = checked_settings()
        from python_runner.analytics.sync import sync  # noqa: PLC0415  it needs the extra `analytics`

        synced = sync(settings, notify=self._log.message)
        if synced.waiting:
            self._log.message(f"nothing was synced: {synced.waiting}")
        self._log.emit("synced", **asdict(synced))

    def _verify_copy(self) -> None:
        """Sync and compare everything. The refresh has succeeded: a failure is a message."""
        try:
            settings = checked_settings()
            from python_runner.analytics.after_run import sync_after_run  # noqa: PLC0415  as above

            warning = sync_after_run(settings, full_refresh=True, notify=self._log.message).warning
        except UsageError as error:
            warning = f"analytics: {error}"
        if warning:
            self._log.message(f"warning: {warning}")

    def _check_lock(self) -> None:
        if self._lock:
            self._lock.check()


def answer(warm: Warm, log: JobLog, request: JobRequest) -> dict[str, Any]:
    """Run the job and say how it ended."""
    log.job = (request.id, request.name)
    try:
        warm.run(request)
    except RunnerError as error:
        return {"error": str(error), "transient": isinstance(error, TransientError)}
    except Exception as error:  # noqa: BLE001  the worker reports it as the end of the job
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:400], "transient": False}
    finally:
        log.job = None
    return {}


def main() -> None:
    """Answer requests until the input ends."""
    outcomes = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no outcome
    requests: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            requests.put(line)
        os._exit(0)

    # The worker ends this process; a signal to its whole group is meant for the worker.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=read, daemon=True).start()
    log = JobLog(as_json="--json" in sys.argv)
    with ExitStack() as kept:
        warm = Warm(log, kept)
        with suppress(RunnerError):  # a job meets the error again, and reports it
            warm.prepare()
        while True:
            outcome = answer(warm, log, JobRequest(**json.loads(requests.get())))
            outcomes.write(json.dumps(outcome) + "\n")
            outcomes.flush()


if __name__ == "__main__":
    main()
