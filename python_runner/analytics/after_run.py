"""The sync after a refresh: the refresh has succeeded, so a failure here is a warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from python_runner.analytics.sync import SyncResult, VerifyResult, sync, verify
from python_runner.errors import RunnerError
from python_runner.settings import AnalyticsSettings


@dataclass(frozen=True)
class CopyResult:
    """What the sync did, what the comparison with Postgres found, and what an operator must look at."""

    synced: SyncResult | None
    verified: VerifyResult | None
    warning: str = ""


def sync_after_run(settings: AnalyticsSettings, *, full_refresh: bool, notify: Callable[[str], None]) -> CopyResult:
    """Sync, and verify after a full refresh."""
    synced = verified = None
    try:
        synced = sync(settings, notify=notify)
        if synced.waiting:
            return CopyResult(synced, None, f"analytics: nothing was synced: {synced.waiting}")
        if full_refresh:
            verified = verify(settings, notify=notify)
            verified.check()
    except RunnerError as error:
        return CopyResult(synced, verified, f"analytics: {error}")
    return CopyResult(synced, verified)
