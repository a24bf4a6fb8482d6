"""The jobs that can be enqueued."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from python_runner.errors import UsageError


class JobName(StrEnum):
    """What a job does.

    `refresh` is `runner run`; `reconcile` is `runner load --reconcile` and a build; `analytics` is `runner analytics
    sync`.
    """

    refresh = "refresh"
    full_refresh = "full-refresh"
    reconcile = "reconcile"
    maintain = "maintain"
    analytics = "analytics"


OF_ONE_SOURCE = (JobName.refresh, JobName.reconcile)


def check_source(name: JobName, source: str | None) -> None:
    """UsageError if the job cannot be limited to one source."""
    if source and name not in OF_ONE_SOURCE:
        raise UsageError(f"--source does not apply to {name}: choose {' or '.join(OF_ONE_SOURCE)}")


@dataclass(frozen=True)
class JobRequest:
    """One job, as the worker gives it to the process that does the work."""

    id: int
    name: str
    source: str | None = None
